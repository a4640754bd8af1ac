// Whether this process may mount, and whether the kernel has the overlay driver: read from /proc.
import { readIfPossible } from '../kernel/files.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Finding } from './overlay-error.ts';

const CAP_SYS_ADMIN = 21n;

/** A finding when CAP_SYS_ADMIN is missing from the effective set; undefined when it is there or cannot be read. */
export function* explainPrivilege(): Routine<Finding | undefined> {
  const status = (yield* readIfPossible('/proc/self/status'))?.toString();
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) return undefined;
  const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(status ?? '')?.[1];
  return {
    code: 'ERR_OVERLAY_NO_PRIVILEGE',
    sentence: `this process (uid ${uid}) may not mount: it has no CAP_SYS_ADMIN`,
    hint:
      uid === '0'
        ? 'give the container CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN), or run outside of it'
        : 'run as root, or inside a user namespace: unshare -Urm node …',
  };
}

/** A finding when the kernel has no filesystem "overlay". */
export function* explainDriver(): Routine<Finding | undefined> {
  const list = (yield* readIfPossible('/proc/filesystems'))?.toString();
  if (list === undefined || /\boverlay$/m.test(list)) return undefined;
  return {
    code: 'ERR_OVERLAY_NO_DRIVER',
    sentence: 'this kernel has no overlay filesystem: /proc/filesystems does not list it',
    hint: 'load it as root: modprobe overlay; or use a kernel built with CONFIG_OVERLAY_FS',
  };
}
