// What an upper and its work directory tell of earlier mounts, and what their filesystem can do.

import type { Parameter } from '../format/options.ts';
import { decodeOrigin, type Origin } from '../format/origin.ts';
import { call, close } from '../kernel/call.ts';
import { AT_EMPTY_PATH, AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '../kernel/constants.ts';
import { EOPNOTSUPP } from '../kernel/errno.ts';
import { type Abilities, probeAbilities } from '../kernel/features/abilities.ts';
import { withProbeDirectory } from '../kernel/features/probe-directory.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { namesIn } from '../kernel/names.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import { bornIn, type DirectoryFacts, STATX_BTIME } from './directory-facts.ts';
import { isParameterOn } from './driver-facts.ts';
import type { Directory } from './subject.ts';

/** Who belongs to whom, as overlay noted it for its index. */
export interface Remembered {
  /** The mount has an index, so that the kernel compares: asked for, or by the module's default. */
  readonly compared: boolean;
  /** The first lower that the upper was used with. */
  readonly lower: Origin | undefined;
  /** The upper that the index in the work directory belongs to. */
  readonly upper: Origin | undefined;
  /** When that index was made, in nanoseconds; 0 when there is none or the filesystem does not tell. */
  readonly indexBorn: bigint;
}

export interface UpperFacts {
  readonly remembered: Remembered;
  /** What a volatile overlay and others leave in work/work/incompat; names. */
  readonly incompatible: readonly string[];
  /** Tried on filesystems of which the kernel asks for everything: FUSE and those of the network. */
  readonly abilities: Abilities | undefined;
  /** Its filesystem knows no attributes of the mount's namespace. */
  readonly noAttributes: boolean;
}

export const NO_UPPER: UpperFacts = {
  remembered: { compared: false, lower: undefined, upper: undefined, indexBorn: 0n },
  incompatible: [],
  abilities: undefined,
  noAttributes: false,
};

// linux/magic.h: FUSE, NFS, CIFS, SMB2, 9P, Ceph, AFS, Coda. Others with "remote" dentries are not tried.
const REMOTE: readonly number[] = [
  0x65735546, 0x6969, 0xff534d42, 0xfe534d42, 0x01021997, 0x00c36400, 0x5346414f, 0x73757245,
];

/** Lends a descriptor of the directory; undefined when it cannot be opened, or what is done with it is refused. */
export function* withDirectory<T>(
  { fd, absolute }: Directory,
  below: string,
  flags: number,
  use: (fd: number) => Routine<T>,
): Routine<T | undefined> {
  try {
    const dir = yield* call('openat', fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
    try {
      const inner = yield* call('openat', dir, below, flags | O_DIRECTORY, 0);
      try {
        return yield* use(inner);
      } finally {
        close(inner);
      }
    } finally {
      close(dir);
    }
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** What the driver's directory of that name in work holds, which it makes of mode 000: only privilege opens it. */
function* incompatibleIn({ fd, absolute }: Directory, namespace: number | undefined): Routine<string[]> {
  const program = new Program(undefined, namespace === undefined ? 'here' : 'child');
  if (namespace !== undefined) addEntry(program, namespace);
  const dir = program.add('openat', 0, fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  const incompat = program.add('openat', 0, dir, 'work/incompat', flags, 0);
  const records = program.add('getdents64', WANT, incompat, 32_768);
  try {
    yield* program.run();
    return namesIn(program.bytes(records)!).map((name) => name.toString());
  } catch (error) {
    if (error instanceof KernelError) return [];
    throw error;
  }
}

/** In which namespace of attributes the mount keeps its notes. */
export function dialectOf(parameters: readonly Parameter[]): 'user' | 'trusted' {
  return parameters.some(({ key }) => key === 'userxattr') ? 'user' : 'trusted';
}

/** Whether the options ask for an index; undefined when that is left to the module's default. */
export function asksForIndex(parameters: readonly Parameter[]): boolean | undefined {
  const index = parameters.findLast(({ key }) => key === 'index')?.value;
  if (index !== undefined) return index === 'on';
  return parameters.some(({ key, value }) => key === 'nfs_export' && value === 'on') || undefined;
}

/** Whether the mount is to have an index. */
export function* hasIndex(parameters: readonly Parameter[]): Routine<boolean> {
  const asked = asksForIndex(parameters);
  if (asked !== undefined) return asked;
  return yield* isParameterOn('index');
}

function* remember(
  upper: Directory,
  work: Directory | undefined,
  parameters: readonly Parameter[],
): Routine<Remembered> {
  const prefix = `${dialectOf(parameters)}.overlay.`;
  const attribute = (name: string) =>
    function* (fd: number): Routine<Origin | undefined> {
      return decodeOrigin(yield* call('getxattr', fd, `${prefix}${name}`));
    };
  const index = work && (yield* withDirectory(work, 'index', O_PATH | O_NOFOLLOW, lookAtIndex(prefix)));
  return {
    compared: yield* hasIndex(parameters),
    lower: yield* withDirectory(upper, '.', O_PATH, attribute('origin')),
    upper: index?.upper,
    indexBorn: index?.born ?? 0n,
  };
}

function lookAtIndex(prefix: string) {
  return function* (fd: number): Routine<{ upper: Origin | undefined; born: bigint }> {
    const program = new Program();
    const stat = program.add('statx', WANT | MAY_FAIL, fd, '', AT_EMPTY_PATH, STATX_BTIME);
    const upper = program.add('getxattr', WANT | MAY_FAIL, fd, `${prefix}upper`);
    yield* program.run();
    const value = program.bytes(upper);
    const statx = program.bytes(stat);
    return { upper: value && decodeOrigin(value), born: statx === undefined ? 0n : bornIn(statx) };
  };
}

function* abilitiesOf(upper: DirectoryFacts, work: Directory | undefined): Routine<Abilities | undefined> {
  if (!REMOTE.includes(upper.filesystem.type) || upper.readOnly) return undefined;
  const [where, below] = work === undefined ? [upper.subject, '..'] : [work, '.'];
  return yield* withDirectory(where, below, O_PATH, (fd) =>
    withProbeDirectory(fd, (made) => probeAbilities(fd, made)),
  );
}

function* lacksAttributes(upper: Directory, parameters: readonly Parameter[]): Routine<boolean> {
  const name = `${dialectOf(parameters)}.overlay.origin`;
  const lacks = yield* withDirectory(upper, '.', O_PATH, function* (fd) {
    try {
      yield* call('getxattr', fd, name);
      return false;
    } catch (error) {
      if (error instanceof KernelError) return error.errno === -EOPNOTSUPP;
      throw error;
    }
  });
  return lacks ?? false;
}

/**
 * Makes nothing but, on filesystems of the network and FUSE, a probe directory for a moment.
 *
 * @param namespace the user namespace that the mount is made in; absent: that of this process
 */
export function* lookAtUpper(
  upper: DirectoryFacts,
  work: Directory | undefined,
  parameters: readonly Parameter[],
  namespace?: number,
): Routine<UpperFacts> {
  return {
    remembered: yield* remember(upper.subject, work, parameters),
    incompatible: work === undefined ? [] : yield* incompatibleIn(work, namespace),
    abilities: yield* abilitiesOf(upper, work),
    noAttributes: yield* lacksAttributes(upper.subject, parameters),
  };
}
