// Which directories a live overlay writes to, asked of the kernel: it knows them in every namespace, and of mounts that are gone.
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  procPath,
  STATX_INO,
  STATX_MNT_ID,
} from '../kernel/constants.ts';
import { EBUSY } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';
import { decodeStat, type Stat } from '../kernel/stat.ts';
import { openAll } from './directory-facts.ts';
import type { Directory } from './subject.ts';

/** The errno of a program's failure, and at which step; undefined when it came to its end. */
function* failureOf(program: Program): Routine<KernelError | undefined> {
  try {
    yield* program.run();
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}

/**
 * Whether one of the directories, or one above it in its filesystem, is in use: an overlay that has them as lowers is made
 * for a moment, with upper and work on a tmpfs of its own, and with an index, so that the driver refuses it then. It makes
 * nothing in them, marks none of them, and writes no line into the kernel log when all are free. Half a millisecond for 25.
 *
 * Undefined where no such overlay can be made: two of them overlap, one is no lower or has no file handles; before Linux 6.15,
 * and in a user namespace, for all.
 */
function* anyInUse(directories: readonly number[]): Routine<boolean | undefined> {
  const program = new Program();
  const tmpfs = program.add('fsopen', 0, 'tmpfs', FSOPEN_CLOEXEC);
  program.add('fsconfig_create', 0, tmpfs);
  const root = program.add('fsmount', 0, tmpfs, FSMOUNT_CLOEXEC, 0);
  const [upper, work, lower] = ['u', 'w', 'l'].map((name) => {
    program.add('mkdirat', 0, root, name, 0o700);
    return program.add('openat', 0, root, name, O_PATH | O_DIRECTORY, 0);
  });
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'index', 'on');
  for (const fd of [...directories, lower!]) program.add('fsconfig_set_fd', 0, context, 'lowerdir+', fd);
  program.add('fsconfig_set_fd', 0, context, 'upperdir', upper!);
  program.add('fsconfig_set_fd', 0, context, 'workdir', work!);
  const create = program.steps;
  program.add('fsconfig_create', 0, context);
  // The driver may have dropped the index, and looked at nothing then.
  program.add('statx', 0, work!, 'index', 0, STATX_INO);
  const failure = yield* failureOf(program);
  if (failure === undefined) return false;
  return failure.step === create && failure.errno === -EBUSY ? true : undefined;
}

// Who asks as below marks the directory for the moment of asking, so that two who ask at once answer each other: those pass.
const PAUSES_MS: readonly number[] = [1, 2, 4, 8];

function* pause(ms: number): Routine<void> {
  yield* wait({
    now: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
    later: () => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  });
}

/**
 * The same of one directory and of none above it, where the above cannot be asked: as upper and work in one. With an index
 * the driver looks for other users before it notices that, which it refuses before it has made anything, and writes a line
 * into the kernel log. Costs a millisecond or more. Undefined when the answer is neither yes nor no.
 */
function* markedInUse(directory: number): Routine<boolean | undefined> {
  let answer = yield* markOnce(directory);
  for (const ms of PAUSES_MS) {
    if (answer !== true) break;
    yield* pause(ms);
    answer = yield* markOnce(directory);
  }
  return answer;
}

function* markOnce(directory: number): Routine<boolean | undefined> {
  const program = new Program();
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'index', 'on');
  for (const key of ['lowerdir', 'upperdir', 'workdir']) {
    program.add('fsconfig_set_string', 0, context, key, procPath(directory));
  }
  const create = program.steps;
  program.add('fsconfig_create', 0, context);
  const failure = yield* failureOf(program);
  return failure?.step === create ? failure.errno === -EBUSY : undefined;
}

/**
 * Whether the directory itself is a live upper or work, in whatever namespace, also of a lazily unmounted overlay. Undefined
 * when the answer is neither yes nor no.
 */
export function* kernelSaysInUse(directory: number): Routine<boolean | undefined> {
  const around = yield* anyInUse([directory]);
  if (around === false) return false;
  return around === undefined ? yield* markedInUse(directory) : yield* markOnce(directory);
}

// Whether the answer "busy" means anything here: a filter, or a driver of its own kind, may give it to everything. A view
// of one lower is refused by every driver, and never as busy.
function* asksHonestly(): Routine<boolean> {
  if ((yield* anyInUse([])) === false) return true;
  const program = new Program();
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'lowerdir', '/');
  program.add('fsconfig_create', 0, context);
  return (yield* failureOf(program))?.errno !== -EBUSY;
}

// Of so many directories at a time.
const LEVELS = 16;

/** The directory and those above it, up to the root of its mount, as descriptors; the caller closes them. */
function* chainOf(directory: number): Routine<number[]> {
  const chain: number[] = [];
  let here: Stat | undefined;
  for (;;) {
    const program = new Program();
    let at = chain.at(-1) ?? directory;
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
      if (more) chain.push(fd);
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
function* lastOf(chain: readonly number[]): Routine<Found> {
  for (const [level, fd] of chain.entries()) {
    const parent = chain[level + 1];
    const outer = parent === undefined ? undefined : yield* anyInUse([parent]);
    if (outer !== true) return { level, itself: outer === false || (yield* markOnce(fd)) === true };
  }
  return undefined;
}

function* firstMarked(chain: readonly number[]): Routine<Found> {
  for (const [level, fd] of chain.entries()) if (yield* markedInUse(fd)) return { level, itself: true };
  return undefined;
}

/** @param around what anyInUse() says of the directory */
function* nearestUsed(directory: number, around: boolean | undefined): Routine<Used | undefined> {
  if (around === false) return undefined;
  const chain = yield* chainOf(directory);
  try {
    const found = yield* around ? lastOf(chain) : firstMarked(chain);
    if (found === undefined || !(yield* asksHonestly())) return undefined;
    const path = yield* call('readlinkat', AT_FDCWD, procPath(chain[found.level]!));
    return { path, itself: found.itself };
  } finally {
    for (const fd of chain) close(fd);
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
): Routine<UsedBy<T> | undefined> {
  const [first] = opened;
  if (first === undefined || around === false) return undefined;
  if (opened.length === 1) {
    const used = yield* nearestUsed(first.fd, around);
    return used && { ...used, directory: first.directory };
  }
  for (const part of inParts(opened)) {
    const found = yield* firstOf(part, yield* anyOf(part));
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
    const around = yield* anyOf(opened);
    if (around !== false && before !== undefined) yield* before();
    if (around !== undefined || (yield* anyInUse([])) === false) return yield* firstOf(opened, around);
    // This kernel cannot be asked so, about none of them.
    for (const { directory, fd } of opened) {
      const used = yield* nearestUsed(fd, undefined);
      if (used !== undefined) return { ...used, directory };
    }
    return undefined;
  } finally {
    for (const fd of fds) if (fd >= 0) close(fd);
  }
}
