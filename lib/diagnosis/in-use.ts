// Which directories a live overlay writes to, asked of the kernel: it knows them in every namespace, and of mounts that are gone.
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  procPath,
  STATX_INO,
  STATX_MNT_ID,
} from '../kernel/constants.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat, type Stat } from '../kernel/stat.ts';
import { openAll } from './directory-facts.ts';
import type { Directory } from './subject.ts';
import { anyInUse, asksHonestly, markOnce, patiently } from './use-trial.ts';

/**
 * Whether the directory itself is a live upper or work, in whatever namespace, also of a lazily unmounted overlay. Undefined
 * when the answer is neither yes nor no.
 */
export function* kernelSaysInUse(directory: number): Routine<boolean | undefined> {
  const around = yield* patiently(() => anyInUse([directory]));
  if (around === false) return false;
  return yield* around === undefined ? patiently(() => markOnce(directory)) : markOnce(directory);
}

// Of so many directories at a time.
const LEVELS = 16;

/** A directory on the way to the root of its mount. */
interface Level {
  readonly fd: number;
  /** What it is known by wherever it is met again. */
  readonly identity: string;
}

/** The directory and those above it, up to the root of its mount; the caller closes them. */
function* chainOf(directory: number): Routine<Level[]> {
  const chain: Level[] = [];
  let here: Stat | undefined;
  for (;;) {
    const program = new Program();
    let at = chain.at(-1)?.fd ?? directory;
    const steps = Array.from({ length: LEVELS }, (_, i) => {
      const name = i === 0 && here === undefined ? '.' : '..';
      at = program.add('openat', KEEP | MAY_FAIL, at, name, O_PATH | O_DIRECTORY, 0);
      const mask = STATX_INO | STATX_MNT_ID;
      return [at, program.add('statx', WANT | MAY_FAIL, at, '', AT_EMPTY_PATH, mask)] as const;
    });
    yield* program.run();
    let more = true;
    for (const [open, statx] of steps) {
      const fd = program.value(open);
      const bytes = program.bytes(statx);
      const stat = bytes && decodeStat(bytes);
      more &&= stat !== undefined && (here === undefined || isAbove(stat, here));
      if (more) chain.push({ fd, identity: `${stat!.mountId} ${stat!.inode}` });
      else if (fd >= 0) close(fd);
      here = stat;
    }
    if (!more) return chain;
  }
}

// The root of a mount has another mount's directory above it, the root directory itself.
function isAbove(parent: Stat, child: Stat): boolean {
  return parent.mountId === child.mountId && parent.inode !== child.inode;
}

/** A directory that is in use, or lies in one that is, which its mount does not show. */
export interface Used {
  readonly path: Buffer;
  readonly itself: boolean;
}

/** How many of the chain to go up, and whether that one is in use itself; undefined when none is. */
type Found = { readonly level: number; readonly itself: boolean } | undefined;

// What lies in a directory that is in use counts as in use: the last that counts so is it.
function* lastOf(chain: readonly Level[]): Routine<Found> {
  for (const [level, { fd }] of chain.entries()) {
    const parent = chain[level + 1];
    const outer = parent === undefined ? undefined : yield* anyInUse([parent.fd]);
    if (outer !== true) return { level, itself: outer === false || (yield* markOnce(fd)) === true };
  }
  return undefined;
}

// Directories lie side by side mostly: what is above one that was found free has been asked about as well.
function* firstMarked(chain: readonly Level[], free: Set<string>): Routine<Found> {
  for (const [level, { fd, identity }] of chain.entries()) {
    if (free.has(identity)) return undefined;
    if (yield* patiently(() => markOnce(fd))) return { level, itself: true };
    free.add(identity);
  }
  return undefined;
}

/**
 * @param around what anyInUse() says of the directory
 * @param free those that were found free one by one, and are not asked about again; what is found is added
 */
function* nearestUsed(
  directory: number,
  around: boolean | undefined,
  free: Set<string>,
): Routine<Used | undefined> {
  if (around === false) return undefined;
  const chain = yield* chainOf(directory);
  try {
    const found = yield* around ? lastOf(chain) : firstMarked(chain, free);
    if (found === undefined || !(yield* asksHonestly())) return undefined;
    const path = yield* call('readlinkat', AT_FDCWD, procPath(chain[found.level]!.fd));
    return { path, itself: found.itself };
  } finally {
    for (const { fd } of chain) close(fd);
  }
}

/** What is used, and by which of the directories that were asked about it was found. */
export interface UsedBy<T extends Directory> extends Used {
  readonly directory: T;
}

interface Opened<T> {
  readonly directory: T;
  readonly fd: number;
}

// The kernel takes 500 lowers.
const MOST = 400;

// More and more of them at a time: upper and work come first, and it is mostly them.
function* inParts<T>(opened: readonly T[]): Generator<readonly T[]> {
  for (let start = 0, size = 1; start < opened.length; start += size, size *= 2) {
    yield opened.slice(start, start + size);
  }
}

/** @param around what anyInUse() says of them */
function* firstOf<T extends Directory>(
  opened: readonly Opened<T>[],
  around: boolean | undefined,
  free: Set<string>,
): Routine<UsedBy<T> | undefined> {
  const [first] = opened;
  if (first === undefined || around === false) return undefined;
  if (opened.length === 1) {
    const used = yield* nearestUsed(first.fd, around, free);
    return used && { ...used, directory: first.directory };
  }
  for (const part of inParts(opened)) {
    const found = yield* firstOf(part, yield* anyOf(part), free);
    if (found !== undefined) return found;
  }
  return undefined;
}

function* anyOf(opened: readonly Opened<unknown>[]): Routine<boolean | undefined> {
  return opened.length > MOST ? undefined : yield* anyInUse(opened.map(({ fd }) => fd));
}

/**
 * The first of the directories that is in use, or lies in one; those that cannot be opened are passed over. All are asked
 * about at once: half a millisecond when none is.
 *
 * @param before run when it is not certain that all are free; may throw what it knows
 */
export function* firstInUse<T extends Directory>(
  directories: readonly T[],
  before?: () => Routine<void>,
): Routine<UsedBy<T> | undefined> {
  const fds = yield* openAll(directories);
  try {
    const opened = directories
      .map((directory, i) => ({ directory, fd: fds[i]! }))
      .filter(({ fd }) => fd >= 0);
    const free = new Set<string>();
    const around = yield* anyOf(opened);
    if (around !== false && before !== undefined) yield* before();
    if (around !== undefined || (yield* anyInUse([])) === false) return yield* firstOf(opened, around, free);
    // This kernel cannot be asked so, about none of them.
    for (const { directory, fd } of opened) {
      const used = yield* nearestUsed(fd, undefined, free);
      if (used !== undefined) return { ...used, directory };
    }
    return undefined;
  } finally {
    for (const fd of fds) if (fd >= 0) close(fd);
  }
}
