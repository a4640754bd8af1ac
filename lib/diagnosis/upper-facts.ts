// What an upper and its work directory tell of earlier mounts, and what their filesystem can do.

import { asksForIndex, dialectOf } from '../format/asked-options.ts';
import type { Parameter } from '../format/options.ts';
import { decodeOrigin, type Origin } from '../format/origin.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  STATX_BTIME,
} from '../kernel/constants.ts';
import { EOPNOTSUPP } from '../kernel/errno.ts';
import { type Abilities, probeAbilities } from '../kernel/features/abilities.ts';
import { withProbeDirectory } from '../kernel/features/probe-directory.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { namesIn } from '../kernel/names.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { bornIn } from '../kernel/stat.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import type { DirectoryFacts } from './directory-facts.ts';
import { isOn, parameterFile } from './driver-facts.ts';
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

export const INDEX_FILE: string = parameterFile('index');

/** @param byDefault the text of {@link INDEX_FILE} */
function hasIndex(parameters: readonly Parameter[], byDefault: Buffer | undefined): boolean {
  return asksForIndex(parameters) ?? isOn(byDefault);
}

// What an overlay leaves there are a few empty directories.
const LISTING = 4096;

interface UpperSteps {
  readonly origin: number;
  readonly belongs: number;
  readonly index: number;
  readonly incompatible: number;
}

function addNotes(
  program: Program,
  upper: Directory,
  work: Directory | undefined,
  prefix: string,
): UpperSteps {
  const open = ({ fd, absolute }: Directory) =>
    program.add('openat', MAY_FAIL, fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
  const inside = (dir: number, name: string, flags: number) =>
    program.add('openat', MAY_FAIL, dir, name, flags | O_DIRECTORY | O_NOFOLLOW, 0);
  const top = open(upper);
  const origin = program.add('getxattr', WANT | MAY_FAIL, top, `${prefix}origin`);
  const worked = work === undefined ? -1 : open(work);
  const index = inside(worked, 'index', O_PATH);
  // It lies two directories below work, in one of mode 000 that only privilege opens.
  const marks = inside(worked, 'work/incompat', O_RDONLY);
  return {
    origin,
    belongs: program.add('getxattr', WANT | MAY_FAIL, index, `${prefix}upper`),
    index: program.add('statx', WANT | MAY_FAIL, index, '', AT_EMPTY_PATH, STATX_BTIME),
    incompatible: program.add('getdents64', WANT | MAY_FAIL, marks, LISTING),
  };
}

/** What lies there, where the mount is made: the privilege that opens it is that of the user namespace. */
function* incompatibleIn({ fd, absolute }: Directory, namespace: number): Routine<Buffer | undefined> {
  const program = new Program(undefined, 'child');
  addEntry(program, namespace);
  const dir = program.add('openat', 0, fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  const marks = program.add('openat', 0, dir, 'work/incompat', flags, 0);
  const records = program.add('getdents64', WANT, marks, LISTING);
  try {
    yield* program.run();
    return program.bytes(records);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

function* abilitiesOf(upper: DirectoryFacts, work: Directory | undefined): Routine<Abilities | undefined> {
  if (!REMOTE.includes(upper.filesystem.type) || upper.readOnly) return undefined;
  const [where, below] = work === undefined ? [upper.subject, '..'] : [work, '.'];
  return yield* withDirectory(where, below, O_PATH, (fd) =>
    withProbeDirectory(fd, (made) => probeAbilities(fd, made)),
  );
}

/**
 * Makes nothing but, on filesystems of the network and FUSE, a probe directory for a moment.
 *
 * @param indexByDefault the text of {@link INDEX_FILE}
 * @param namespace the user namespace that the mount is made in; absent: that of this process
 */
export function* lookAtUpper(
  upper: DirectoryFacts,
  work: Directory | undefined,
  parameters: readonly Parameter[],
  indexByDefault: Buffer | undefined,
  namespace?: number,
): Routine<UpperFacts> {
  const program = new Program();
  const steps = addNotes(program, upper.subject, work, `${dialectOf(parameters)}.overlay.`);
  yield* program.run();
  const [origin, belongs, index, seen] = [steps.origin, steps.belongs, steps.index, steps.incompatible].map(
    (step) => program.bytes(step),
  );
  const there = namespace !== undefined && work !== undefined;
  const marks = there ? yield* incompatibleIn(work, namespace) : seen;
  return {
    remembered: {
      compared: hasIndex(parameters, indexByDefault),
      lower: origin && decodeOrigin(origin),
      upper: belongs && decodeOrigin(belongs),
      indexBorn: index === undefined ? 0n : bornIn(index),
    },
    incompatible: marks === undefined ? [] : namesIn(marks).map((name) => name.toString()),
    abilities: yield* abilitiesOf(upper, work),
    noAttributes: program.value(steps.origin) === -EOPNOTSUPP,
  };
}
