// All that is looked at to explain a mount: its directories, its work directory's content, the caller, the mount table.
import { type MountinfoEntry, parseMountinfo } from '../format/mountinfo.ts';
import type { Parameter } from '../format/options.ts';
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '../kernel/constants.ts';
import { type Caller, readCaller } from '../kernel/features/caller.ts';
import { readIfPossible } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { allNames } from '../kernel/names.ts';
import type { Routine } from '../kernel/routine.ts';
import { type DirectoryFacts, lookAtDirectories, type MissingDirectory } from './directory-facts.ts';
import type { Directory } from './subject.ts';

/** A mount as it was asked for, in the words of this floor. */
export interface AskedMount {
  readonly lower: readonly Directory[];
  readonly data: readonly Directory[];
  readonly upper: Directory | undefined;
  readonly work: Directory | undefined;
  readonly target: Directory | undefined;
  readonly parameters: readonly Parameter[];
}

export type Looked = DirectoryFacts | MissingDirectory;

export interface MountFacts {
  readonly asked: AskedMount;
  readonly lower: readonly Looked[];
  readonly data: readonly Looked[];
  readonly upper: Looked | undefined;
  readonly work: Looked | undefined;
  readonly target: Looked | undefined;
  /** What a volatile overlay and others leave in work/work/incompat; names. */
  readonly incompatible: readonly string[];
  readonly caller: Caller;
  /** /proc/filesystems lists the overlay driver; undefined when it cannot be read. */
  readonly driver: boolean | undefined;
  readonly mounts: readonly MountinfoEntry[];
  /** fs.mount-max, and how many mounts this namespace has. */
  readonly mountLimit: number | undefined;
}

/** Whether a directory could be looked at. */
export function isThere(looked: Looked | undefined): looked is DirectoryFacts {
  return looked !== undefined && !('errno' in looked);
}

// The marker lies two directories below work, in one of mode 000 that only privilege opens.
function* incompatibleIn(work: Directory | undefined): Routine<string[]> {
  if (work === undefined) return [];
  try {
    const { fd, absolute } = work;
    const dir = yield* call('openat', fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
    try {
      const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
      const marker = yield* call('openat', dir, 'work/incompat', flags, 0);
      try {
        return (yield* allNames(marker)).map((name) => name.toString());
      } finally {
        close(marker);
      }
    } finally {
      close(dir);
    }
  } catch (error) {
    if (error instanceof KernelError) return [];
    throw error;
  }
}

/** Looks once at everything; what cannot be looked at is missing from the facts. */
export function* lookAtMount(asked: AskedMount): Routine<MountFacts> {
  const table = yield* readIfPossible('/proc/self/mountinfo');
  const mounts = table === undefined ? [] : parseMountinfo(table);
  const { lower, data, upper, work, target } = asked;
  const single = [upper, work, target].filter((directory) => directory !== undefined);
  const looked = yield* lookAtDirectories([...lower, ...data, ...single], mounts);
  const factsOf = (directory: Directory | undefined) =>
    directory && looked.find(({ subject }) => subject === directory);
  const filesystems = (yield* readIfPossible('/proc/filesystems'))?.toString();
  const limit = (yield* readIfPossible('/proc/sys/fs/mount-max'))?.toString();
  return {
    asked,
    lower: looked.slice(0, lower.length),
    data: looked.slice(lower.length, lower.length + data.length),
    upper: factsOf(upper),
    work: factsOf(work),
    target: factsOf(target),
    incompatible: yield* incompatibleIn(work),
    caller: yield* readCaller(),
    driver: filesystems === undefined ? undefined : /\boverlay$/m.test(filesystems),
    mounts,
    mountLimit: limit === undefined ? undefined : Number(limit),
  };
}
