// How many descriptors this process has open, and how many it may have.
import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, O_PATH } from '../kernel/constants.ts';
import { EMFILE } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, wait } from '../kernel/routine.ts';

export interface DescriptorFacts {
  /** Absent when /proc cannot be read, as when not even one is free for reading it. */
  readonly open: number | undefined;
  /** RLIMIT_NOFILE, the soft one. */
  readonly limit: number | undefined;
  /** Not even one more can be opened. */
  readonly none: boolean;
}

/** The soft limit in the text of /proc/<pid>/limits. Source: proc_pid_limits(5). */
export function openFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

function* noneFree(): Routine<boolean> {
  try {
    close(yield* call('openat', AT_FDCWD, '/', O_PATH, 0));
    return false;
  } catch (error) {
    if (error instanceof KernelError) return error.errno === -EMFILE;
    throw error;
  }
}

function* count(): Routine<number | undefined> {
  const path = '/proc/self/fd';
  try {
    // One of them is that of the listing.
    return (yield* wait({ now: () => readdirSync(path), later: () => readdir(path) })).length - 1;
  } catch {
    return undefined;
  }
}

export function* lookAtDescriptors(): Routine<DescriptorFacts> {
  const none = yield* noneFree();
  const open = yield* count();
  const limits = (yield* readIfPossible('/proc/self/limits'))?.toString();
  return { open, limit: limits === undefined ? undefined : openFilesLimit(limits), none };
}
