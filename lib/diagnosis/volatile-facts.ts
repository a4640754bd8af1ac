// Whether an upper was used by a volatile overlay with another work directory, where the driver's mark is and does not look.
import { formatOverlayXattr, overlayPrefix, VOLATILE_NOTE } from '../format/overlay-xattr.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  procPath,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_INO,
  STATX_MNT_ID,
} from '../kernel/constants.ts';
import { readIfPossible } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { namesIn } from '../kernel/names.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { bornIn, decodeStat } from '../kernel/stat.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import { kernelSaysInUse } from './in-use.ts';
import type { Directory } from './subject.ts';

/** What tells of it. */
export type VolatileTrace =
  /** Our own note on the upper, of an overlay that was not unmounted, or before the machine was started anew. */
  | { readonly by: 'note'; readonly restarted: boolean }
  /** The mark in a work directory that lies beside the upper. */
  | { readonly by: 'work'; readonly path: Buffer };

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** The value of the note: the boot, and whether the overlay has been unmounted. */
export function* volatileNote(ended: boolean): Routine<Buffer> {
  const boot = (yield* readIfPossible(BOOT_ID))?.toString().trim() ?? 'unknown';
  return Buffer.from(ended ? `${boot} ended` : boot);
}

export function volatileNoteName(dialect: 'user' | 'trusted'): string {
  return formatOverlayXattr({ dialect, level: 0, note: VOLATILE_NOTE });
}

// Where more lie side by side, no more of them are looked at.
const LISTING = 8192;
const BESIDE = 64;

const INSIDE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
const MARK = Buffer.from('/work/incompat/volatile');

// Two directories of mode 000 lie above the mark: without root only a user namespace leads there.
function* markedAmong(
  up: number,
  names: readonly Buffer[],
  namespace: number | undefined,
): Routine<{ readonly name: Buffer; readonly born: bigint }[]> {
  const program = new Program(undefined, namespace === undefined ? 'here' : 'child');
  if (namespace !== undefined) addEntry(program, namespace);
  const marks = names.map((name) =>
    program.add('openat2', MAY_FAIL | KEEP, up, Buffer.concat([name, MARK]), O_PATH | O_DIRECTORY, 0, INSIDE),
  );
  yield* program.run();
  const found: { name: Buffer; born: bigint }[] = [];
  for (const [i, name] of names.entries()) {
    const mark = program.value(marks[i]!);
    if (mark < 0) continue;
    found.push({ name, born: (yield* statOf(mark)).born });
    close(mark);
  }
  return found;
}

interface Neighbour {
  readonly name: Buffer;
  readonly inode: bigint;
  /** An overlay has written its notes on it. */
  readonly noted: boolean;
}

const PREFIXES = (['trusted', 'user'] as const).map((dialect) => Buffer.from(overlayPrefix(dialect)));

function* lookAtNeighbours(up: number, names: readonly Buffer[]): Routine<Neighbour[]> {
  const program = new Program();
  const steps = names.map((name) => {
    const fd = program.add('openat2', MAY_FAIL, up, name, O_PATH | O_DIRECTORY, 0, INSIDE);
    const statx = program.add('statx', MAY_FAIL | WANT, fd, '', AT_EMPTY_PATH, STATX_INO);
    const list = program.add('listxattr', MAY_FAIL, fd);
    const noted = PREFIXES.map((prefix) =>
      program.add('require_absent', MAY_FAIL, program.bytesOf(list), prefix),
    );
    return { statx, noted };
  });
  yield* program.run();
  return names.flatMap((name, i) => {
    const { statx, noted } = steps[i]!;
    const bytes = program.bytes(statx);
    if (bytes === undefined) return [];
    return [{ name, inode: decodeStat(bytes).inode, noted: noted.some((step) => program.value(step) < 0) }];
  });
}

function* isInUse(up: number, name: Buffer): Routine<boolean> {
  const dir = yield* call('openat2', up, name, O_PATH | O_DIRECTORY, 0, INSIDE);
  try {
    return (yield* kernelSaysInUse(dir)) === true;
  } finally {
    close(dir);
  }
}

function* statOf(fd: number): Routine<{ readonly inode: bigint; readonly born: bigint }> {
  const statx = yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME);
  return { inode: decodeStat(statx).inode, born: bornIn(statx) };
}

/** The work directory with the mark, when it can be no other upper's that lies there. */
function* markedWork(
  dir: number,
  up: number,
  names: readonly Buffer[],
  work: bigint | undefined,
  namespace: number | undefined,
): Routine<Buffer | undefined> {
  const marked = names.length === 0 ? [] : yield* markedAmong(up, names, namespace);
  if (marked.length === 0) return undefined;
  const upper = yield* statOf(dir);
  const neighbours = yield* lookAtNeighbours(up, names);
  const beside = neighbours.filter(({ inode }) => ![upper.inode, work].includes(inode));
  const works = marked.filter(({ name }) => beside.some((one) => one.name.equals(name)));
  const [first] = works;
  if (first === undefined || works.length > 1 || first.born < upper.born) return undefined;
  if (beside.some(({ name, noted }) => noted && !name.equals(first.name))) return undefined;
  // Where it is in use it belongs to an overlay that lives.
  if (namespace === undefined && (yield* isInUse(up, first.name))) return undefined;
  const place = yield* call('readlinkat', AT_FDCWD, procPath(up));
  return Buffer.concat([place, Buffer.from(place.length === 1 ? '' : '/'), first.name]);
}

/**
 * For an upper that overlays have used, and a work directory that none has, or none at all: whose work directory it then
 * was is written nowhere, so that one beside the upper is told only when it is the one with the mark, is younger than the
 * upper, and no other upper lies there.
 *
 * @param namespace the user namespace that the mount is made in; absent: that of this process
 */
export function* lookForMarkedWork(
  upper: Directory,
  work: Directory | undefined,
  namespace?: number,
): Routine<VolatileTrace | undefined> {
  const program = new Program();
  const open = (directory: Directory | undefined, flags: number) => {
    const { fd, absolute } = directory ?? { fd: -1 };
    return program.add('openat', flags, fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
  };
  const dir = open(upper, KEEP);
  const up = program.add('openat', KEEP, dir, '..', O_RDONLY | O_DIRECTORY, 0);
  const stats = [dir, up, open(work, MAY_FAIL)].map((fd) =>
    program.add('statx', MAY_FAIL | WANT, fd, '', AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID),
  );
  const listed = program.add('getdents64', WANT, up, LISTING);
  try {
    yield* program.run();
    const [inner, outer, own] = stats.map((step) => {
      const bytes = program.bytes(step);
      return bytes && decodeStat(bytes);
    });
    // Nothing lies beside the root of a mount.
    const isRoot = inner?.mountId !== outer?.mountId || inner?.inode === outer?.inode;
    const names = isRoot ? [] : namesIn(program.bytes(listed)!).slice(0, BESIDE);
    const fds = [program.value(dir), program.value(up)] as const;
    try {
      const path = yield* markedWork(...fds, names, own?.inode, namespace);
      return path && { by: 'work', path };
    } finally {
      for (const fd of fds) close(fd);
    }
  } catch (error) {
    // What cannot be looked at tells nothing.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** For a mount that has not been made yet. */
export function* lookForVolatile(
  upper: Directory,
  work: Directory | undefined,
  dialect: 'user' | 'trusted',
  namespace?: number,
): Routine<VolatileTrace | undefined> {
  const program = new Program();
  const open = (directory: Directory | undefined) => {
    const { fd, absolute } = directory ?? { fd: -1 };
    return program.add('openat', MAY_FAIL, fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
  };
  const dir = open(upper);
  const note = program.add('getxattr', MAY_FAIL | WANT, dir, volatileNoteName(dialect));
  const list = program.add('listxattr', MAY_FAIL, dir);
  const unused = program.add(
    'require_absent',
    MAY_FAIL,
    program.bytesOf(list),
    Buffer.from(overlayPrefix(dialect)),
  );
  const leftover = program.add('openat', MAY_FAIL, open(work), 'work', O_PATH, 0);
  yield* program.run();
  const noted = program.bytes(note);
  if (noted !== undefined) {
    // What was written is in memory at least, as long as the machine runs.
    if (noted.equals(yield* volatileNote(true))) return undefined;
    return { by: 'note', restarted: !noted.equals(yield* volatileNote(false)) };
  }
  // With a work directory that it was used with before, it may have been so ever since.
  if (program.value(unused) >= 0 || program.value(leftover) >= 0) return undefined;
  return yield* lookForMarkedWork(upper, work, namespace);
}
