// Who uses a directory as upper or work: asked of the kernel, and of the table of file locks.
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  FSOPEN_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  procPath,
  STATX_INO,
  STATX_MNT_ID,
} from '../kernel/constants.ts';
import { EBUSY } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { Program } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';
import { decodeStat, type Stat } from '../kernel/stat.ts';

// Who asks marks the directory for the moment of asking, so that two who ask at once answer each other: those pass.
const PAUSES_MS: readonly number[] = [1, 2, 4, 8];

function* pause(ms: number): Routine<void> {
  yield* wait({
    now: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
    later: () => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  });
}

/**
 * Asks the kernel whether the directory is a live upper or work, in whatever namespace, also of a lazily unmounted
 * overlay: with `index=on` it looks for that before it notices that upper and work are one directory, which it refuses
 * before it has made anything. Costs a millisecond or more. Undefined when the answer is neither yes nor no.
 */
export function* kernelSaysInUse(directory: number): Routine<boolean | undefined> {
  let answer = yield* askOnce(directory);
  for (const ms of PAUSES_MS) {
    if (answer !== true) break;
    yield* pause(ms);
    answer = yield* askOnce(directory);
  }
  return answer;
}

function* askOnce(directory: number): Routine<boolean | undefined> {
  const program = new Program();
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'index', 'on');
  for (const key of ['lowerdir', 'upperdir', 'workdir']) {
    program.add('fsconfig_set_string', 0, context, key, procPath(directory));
  }
  program.add('fsconfig_create', 0, context);
  try {
    yield* program.run();
    return undefined;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.step !== 5) return undefined;
    return error.errno === -EBUSY;
  }
}

// Whether the answer "busy" means anything here: a filter, or a driver of its own kind, may give it to everything. A view
// of one lower is refused by every driver, and never as busy.
function* asksHonestly(): Routine<boolean> {
  const program = new Program();
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'lowerdir', '/');
  program.add('fsconfig_create', 0, context);
  try {
    yield* program.run();
    return true;
  } catch (error) {
    if (error instanceof KernelError) return error.errno !== -EBUSY;
    throw error;
  }
}

function* statOf(fd: number): Routine<Stat> {
  return decodeStat(yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID));
}

/**
 * The nearest of the directory and its ancestors on its mount that the kernel says is in use, as a path; only exact roots
 * are marked, so each is asked for.
 *
 * @param free those that were found free, and are not asked for again; what is found is added
 */
export function* nearestInUse(
  absolute: string | Uint8Array,
  free: Set<string> = new Set(),
): Routine<Buffer | undefined> {
  let fd = yield* call('openat', AT_FDCWD, absolute, O_PATH | O_DIRECTORY, 0);
  try {
    for (;;) {
      const here = yield* statOf(fd);
      const name = `${here.mountId} ${here.inode}`;
      if (free.has(name)) return undefined;
      if (yield* kernelSaysInUse(fd)) {
        return (yield* asksHonestly()) ? yield* call('readlinkat', AT_FDCWD, procPath(fd)) : undefined;
      }
      free.add(name);
      const parent = yield* call('openat', fd, '..', O_PATH | O_DIRECTORY, 0);
      close(fd);
      fd = parent;
      const above = yield* statOf(fd);
      if (above.mountId !== here.mountId || above.inode === here.inode) return undefined;
    }
  } finally {
    close(fd);
  }
}

/** A process that holds a flock(2) lock, as /proc/locks names it. */
export interface LockHolder {
  readonly pid: number;
  /** The name of its program, if it can be read. */
  readonly command: string | undefined;
}

const hex = (text: string) => Number.parseInt(text, 16);

/** The lines of /proc/locks for a file. Source: proc_locks(5). */
export function holdersIn(locks: string, device: Stat['device'], inode: bigint): number[] {
  const pids: number[] = [];
  for (const line of locks.split('\n')) {
    const match = /^\d+: FLOCK +\S+ +\S+ +(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line);
    if (match === null || BigInt(match[4]!) !== inode) continue;
    if (hex(match[2]!) === device.major && hex(match[3]!) === device.minor) pids.push(Number(match[1]));
  }
  return pids;
}

/** Who holds a flock on the directory; empty when that cannot be seen from here. */
export function* lockHolders(absolute: string | Uint8Array): Routine<LockHolder[]> {
  const stat = decodeStat(yield* call('statx', AT_FDCWD, absolute, 0, STATX_INO));
  const locks = (yield* readIfPossible('/proc/locks'))?.toString() ?? '';
  const holders: LockHolder[] = [];
  for (const pid of holdersIn(locks, stat.device, stat.inode)) {
    const command = (yield* readIfPossible(`/proc/${pid}/comm`))?.toString().trimEnd();
    holders.push({ pid, command });
  }
  return holders;
}
