// Whether the driver will find room for its work: it makes a directory in the work directory, and empties a leftover of its own.
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  S_IFDIR,
  S_IFMT,
  STATX_ATTR_APPEND,
  STATX_ATTR_IMMUTABLE,
  STATX_ATTR_MOUNT_ROOT,
  STATX_BASIC_STATS,
} from '../kernel/constants.ts';
import { EEXIST } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { allNames, namesIn } from '../kernel/names.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat, type FileSystemStat, type Stat } from '../kernel/stat.ts';
import { addFlags, flagsIn } from './directory-flags.ts';
import type { Directory } from './subject.ts';

export interface WorkFacts {
  /** The errno (positive) with which no directory can be made in the work directory, or without one beside the upper; 0 when one can. */
  readonly errno: number;
  /** The first that lies in a leftover `work` of the work directory, or is it, and cannot be removed by the driver. */
  readonly stuck: Stuck | undefined;
  /** The project that the directory passes on. */
  readonly project: number | undefined;
  /** The directory is immutable (chattr +i). */
  readonly immutable: boolean;
  /** It has been removed, and only who has it open reaches it. */
  readonly removed: boolean;
}

/** As a path below the work directory, and why it stays. */
export interface Stuck {
  readonly path: string;
  readonly why: 'fixed' | 'mounted' | 'deep';
}

export const ROOM_TO_WORK: WorkFacts = {
  errno: 0,
  stuck: undefined,
  project: undefined,
  immutable: false,
  removed: false,
};

const PROBE = '.overlayfs-probe';
const LISTING = 4096;

function* errnoOf(attempt: Routine<unknown>): Routine<number> {
  try {
    yield* attempt;
    return 0;
  } catch (error) {
    if (error instanceof KernelError) return -error.errno;
    throw error;
  }
}

function* triedDirectory(dir: number): Routine<number> {
  const errno = yield* errnoOf(call('mkdirat', dir, PROBE, 0o700));
  if (errno === 0) yield* call('unlinkat', dir, PROBE, AT_REMOVEDIR);
  return errno === EEXIST ? 0 : errno;
}

// Filesystems keep some room for themselves, and count differently what a directory takes.
const NEARLY_FULL = 1 << 20;

function mayBeFull({ blocks, available, blockSize, files, filesFree }: FileSystemStat): boolean {
  return (blocks > 0 && available * blockSize < NEARLY_FULL) || (files > 0 && filesFree === 0);
}

/**
 * The errno with which no directory can be made in this one. A file without a name is made for it, which leaves no trace;
 * where that is refused, or the filesystem may be full, a directory for a moment.
 */
export function* makingErrno(dir: number, filesystem: FileSystemStat): Routine<number> {
  if (mayBeFull(filesystem)) return yield* triedDirectory(dir);
  const program = new Program();
  const file = program.add('openat', MAY_FAIL, dir, '.', O_TMPFILE | O_RDWR, 0o600);
  yield* program.run();
  return program.value(file) < 0 ? yield* triedDirectory(dir) : 0;
}

// The driver removes directories in `work` down to these levels, and then only empty ones (ovl_workdir_cleanup).
const DEEPEST = 2;
const ENTRIES = 1000;

const FIXED = BigInt(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND);

interface Looking {
  left: number;
}

function whyStays({ attributes }: Stat): Stuck['why'] | undefined {
  if ((attributes & BigInt(STATX_ATTR_MOUNT_ROOT)) !== 0n) return 'mounted';
  return (attributes & FIXED) === 0n ? undefined : 'fixed';
}

/** The first entry that keeps the driver from emptying the directory; undefined when nothing does, or after many entries. */
function* stuckIn(dir: number, path: string, level: number, looking: Looking): Routine<Stuck | undefined> {
  for (const name of yield* allNames(dir)) {
    if (looking.left-- <= 0) return undefined;
    const stuck = yield* stuckAt(dir, name, `${path}${path && '/'}${name}`, level, looking);
    if (stuck !== undefined) return stuck;
  }
  return undefined;
}

function* stuckAt(
  dir: number,
  name: string | Buffer,
  path: string,
  level: number,
  looking: Looking,
): Routine<Stuck | undefined> {
  const stat = decodeStat(yield* call('statx', dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS));
  const why = whyStays(stat);
  if (why !== undefined) return { path, why };
  if ((stat.mode & S_IFMT) !== S_IFDIR) return undefined;
  const inner = yield* call('openat', dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  try {
    if (level < DEEPEST) return yield* stuckIn(inner, path, level + 1, looking);
    return (yield* allNames(inner)).length > 0 ? { path, why: 'deep' } : undefined;
  } finally {
    close(inner);
  }
}

function* leftoverStuck(dir: number): Routine<Stuck | undefined> {
  try {
    return yield* stuckAt(dir, 'work', 'work', 0, { left: ENTRIES });
  } catch (error) {
    // There is none, or it cannot be looked into.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

// One program tells of the usual: a file without a name can be made, and no leftover has anything in it.
function* lookQuickly(
  dir: number,
  filesystem: FileSystemStat,
): Routine<Omit<WorkFacts, 'errno' | 'stuck'> & { made: boolean; empty: boolean }> {
  const program = new Program();
  const itself = program.add('statx', MAY_FAIL | WANT, dir, '', AT_EMPTY_PATH, STATX_BASIC_STATS);
  const leftover = program.add('statx', MAY_FAIL | WANT, dir, 'work', AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS);
  const flags = addFlags(program, dir);
  const file = mayBeFull(filesystem)
    ? undefined
    : program.add('openat', MAY_FAIL, dir, '.', O_TMPFILE | O_RDWR, 0o600);
  const work = program.add('openat', MAY_FAIL, dir, 'work', O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  const listed = program.add('getdents64', MAY_FAIL | WANT, work, LISTING);
  yield* program.run();
  const names = program.bytes(listed);
  const [stat, old] = [itself, leftover].map((step) => {
    const bytes = program.bytes(step);
    return bytes && decodeStat(bytes);
  });
  const stays = old !== undefined && whyStays(old) !== undefined;
  return {
    immutable: stat !== undefined && (stat.attributes & BigInt(STATX_ATTR_IMMUTABLE)) !== 0n,
    removed: stat?.links === 0,
    made: file !== undefined && program.value(file) >= 0,
    empty: !stays && (program.value(work) < 0 || (names !== undefined && namesIn(names).length === 0)),
    project: flagsIn(program, flags).project,
  };
}

/**
 * @param below `.` for a work directory, `..` for the upper that shall have one beside it
 * @param refused the kernel has said that it cannot: a directory is tried in any case
 */
export function* lookForRoom(
  { fd, absolute }: Directory,
  below: '.' | '..',
  filesystem: FileSystemStat,
  refused: boolean = false,
): Routine<WorkFacts> {
  const open = new Program();
  const flags = O_PATH | O_DIRECTORY;
  const place = open.add('openat', 0, fd ?? AT_FDCWD, absolute ?? '.', flags, 0);
  const there = open.add('openat', KEEP, place, below, flags, 0);
  try {
    yield* open.run();
  } catch (error) {
    if (error instanceof KernelError) return ROOM_TO_WORK;
    throw error;
  }
  const dir = open.value(there);
  try {
    const { made, empty, ...quick } = yield* lookQuickly(dir, filesystem);
    return {
      errno: refused || !made ? yield* triedDirectory(dir) : 0,
      stuck: below === '..' || empty ? undefined : yield* leftoverStuck(dir),
      ...quick,
    };
  } finally {
    close(dir);
  }
}
