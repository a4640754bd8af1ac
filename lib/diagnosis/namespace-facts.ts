// What can keep a process from having a user namespace: read from /proc, after the kernel has refused one.
import { call } from '../kernel/call.ts';
import { AT_FDCWD, STATX_ATTR_MOUNT_ROOT, STATX_BASIC_STATS } from '../kernel/constants.ts';
import { type NamespaceSettings, readNamespaceSettings } from '../kernel/features/namespace-settings.ts';
import { readIfPossible } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat, type Stat } from '../kernel/stat.ts';

/** What cannot be read is undefined. */
export interface NamespaceFacts {
  /** Effective user id. */
  readonly uid: number;
  readonly settings: NamespaceSettings;
  /** /proc/self is there. */
  readonly proc: boolean;
  /** The kernel is built with user namespaces. */
  readonly supported: boolean | undefined;
  /** Others of the same user may look into this process; else /proc gives its files to root. Source: proc(5). */
  readonly dumpable: boolean | undefined;
  /** The root directory is no root of a mount, so that chroot(2) has been called. */
  readonly chrooted: boolean | undefined;
  /** A seccomp filter is in force. */
  readonly filtered: boolean | undefined;
}

function* look(path: string): Routine<Stat | undefined> {
  try {
    return decodeStat(yield* call('statx', AT_FDCWD, path, 0, STATX_BASIC_STATS));
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** Whether `Seccomp:` of /proc/self/status tells of a filter; undefined when it is not there. */
export function isFiltered(status: string): boolean | undefined {
  const mode = /^Seccomp:\s*(\d)$/m.exec(status)?.[1];
  return mode === undefined ? undefined : mode === '2';
}

export function* lookAtNamespaces(): Routine<NamespaceFacts> {
  const uid = process.geteuid!();
  const own = yield* look('/proc/self/uid_map');
  const status = (yield* readIfPossible('/proc/self/status'))?.toString();
  const root = yield* look('/');
  return {
    uid,
    settings: yield* readNamespaceSettings(),
    proc: status !== undefined,
    supported: status === undefined ? undefined : (yield* look('/proc/self/ns/user')) !== undefined,
    dumpable: own && own.uid === uid,
    chrooted: root && (root.attributes & BigInt(STATX_ATTR_MOUNT_ROOT)) === 0n,
    filtered: status === undefined ? undefined : isFiltered(status),
  };
}
