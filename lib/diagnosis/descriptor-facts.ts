// How many descriptors this process has open, and how many it may have.
import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY } from '../kernel/constants.ts';
import { EMFILE } from '../kernel/errno.ts';
import { namesIn } from '../kernel/names.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
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

/** A listing of at most so many bytes is asked for: the descriptors of most programs. */
const LISTING = 32_768;

function* counted(): Routine<number | undefined> {
  const path = '/proc/self/fd';
  try {
    // One of them is that of the listing.
    return (yield* wait({ now: () => readdirSync(path), later: () => readdir(path) })).length - 1;
  } catch {
    return undefined;
  }
}

/** @param limits the text of /proc/self/limits */
export function* lookAtDescriptors(limits: Buffer | undefined): Routine<DescriptorFacts> {
  const program = new Program();
  const one = program.add('openat', MAY_FAIL, AT_FDCWD, '/', O_PATH, 0);
  const list = program.add('openat', MAY_FAIL, AT_FDCWD, '/proc/self/fd', O_RDONLY | O_DIRECTORY, 0);
  const [some, more] = [0, 1].map(() => program.add('getdents64', MAY_FAIL | WANT, list, LISTING));
  yield* program.run();
  const limit = limits && openFilesLimit(limits.toString());
  const none = program.value(one) === -EMFILE;
  const names = program.bytes(some!);
  if (names === undefined) return { open: yield* counted(), limit, none };
  // Two of them are those of the program.
  const all = program.bytes(more!)?.length === 0;
  return { open: all ? namesIn(names).length - 2 : yield* counted(), limit, none };
}
