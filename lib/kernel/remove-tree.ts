// Removes a directory with all in it, without following a link and without crossing a mount.
import { call, close } from './call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  procPath,
  STATX_MNT_ID,
} from './constants.ts';
import { EACCES, EBUSY, EISDIR, ENOENT, ENOTEMPTY, EPERM } from './errno.ts';
import { KernelError } from './kernel-error.ts';
import { someNames } from './names.ts';
import type { Routine } from './routine.ts';
import { decodeStat } from './stat.ts';

function isErrno(error: unknown, ...numbers: number[]): boolean {
  return error instanceof KernelError && numbers.includes(-error.errno);
}

/** Makes a directory this user's: `name` in `dir`, or `dir` itself for the empty name. */
export type TakeOver = (dir: number, name: string | Uint8Array) => Routine<void>;

// The owner may always open it to himself; a directory of somebody else has to become his first.
function* openUp(dir: number, name: string | Uint8Array, takeOver: TakeOver | undefined): Routine<void> {
  const [at, path] = name.length === 0 ? [AT_FDCWD, procPath(dir)] : [dir, name];
  try {
    yield* call('fchmodat', at, path, 0o700);
  } catch (error) {
    if (!isErrno(error, EPERM) || takeOver === undefined) throw error;
    yield* takeOver(dir, name);
    yield* call('fchmodat', at, path, 0o700);
  }
}

// A rootless overlay's work/work has mode 000.
function* openForRemoval(
  parent: number,
  name: string | Uint8Array,
  takeOver: TakeOver | undefined,
): Routine<number> {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  try {
    return yield* call('openat', parent, name, flags, 0);
  } catch (error) {
    if (!isErrno(error, EACCES)) throw error;
    yield* openUp(parent, name, takeOver);
    return yield* call('openat', parent, name, flags, 0);
  }
}

function* mountOf(fd: number): Routine<bigint> {
  return decodeStat(yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_MNT_ID)).mountId;
}

function* unlink(
  parent: number,
  name: string | Uint8Array,
  flags: number,
  takeOver: TakeOver | undefined,
): Routine<void> {
  try {
    yield* call('unlinkat', parent, name, flags);
  } catch (error) {
    // A directory without the right to write, or one of somebody else where only owners may remove.
    if (!isErrno(error, EACCES) && !(takeOver !== undefined && isErrno(error, EPERM))) throw error;
    yield* openUp(parent, '', takeOver);
    yield* call('unlinkat', parent, name, flags);
  }
}

function* removeEntry(
  parent: number,
  name: Buffer,
  mount: bigint,
  takeOver: TakeOver | undefined,
): Routine<void> {
  try {
    yield* unlink(parent, name, 0, takeOver);
  } catch (error) {
    if (isErrno(error, ENOENT)) return;
    // What Linux says of a directory. EPERM is of what may not be removed at all (unlink(2)).
    if (!isErrno(error, EISDIR)) throw error;
    yield* removeDirectory(parent, name, takeOver, mount);
  }
}

function* removeEntries(dir: number, mount: bigint, takeOver: TakeOver | undefined): Routine<void> {
  // Again from where it stands, which is the end only when nothing came: removing entries moves the others.
  for (let names = yield* someNames(dir); names.length > 0; names = yield* someNames(dir)) {
    for (const entry of names) yield* removeEntry(dir, entry, mount, takeOver);
  }
}

function* removeDirectory(
  parent: number,
  name: string | Uint8Array,
  takeOver: TakeOver | undefined,
  mount?: bigint,
): Routine<void> {
  const dir = yield* openForRemoval(parent, name, takeOver);
  try {
    const here = yield* mountOf(dir);
    if (mount !== undefined && here !== mount) {
      const call = `unlinkat(${JSON.stringify(Buffer.from(name).toString())}): another mount is there`;
      throw new KernelError({ errno: EBUSY, syscall: 'unlinkat', call, log: '', step: 0 });
    }
    yield* removeEntries(dir, here, takeOver);
  } finally {
    close(dir);
  }
  yield* mount === undefined
    ? call('unlinkat', parent, name, AT_REMOVEDIR)
    : unlink(parent, name, AT_REMOVEDIR, takeOver);
}

/**
 * Removes the directory `name` in the directory `parent`; nothing happens when it is not there.
 *
 * @param takeOver for directories of others in it, where there is a way
 * @throws {KernelError} EBUSY where something is mounted in it; what was removed before stays removed
 */
export function* removeTree(parent: number, name: string | Uint8Array, takeOver?: TakeOver): Routine<void> {
  try {
    yield* call('unlinkat', parent, name, AT_REMOVEDIR);
  } catch (error) {
    if (isErrno(error, ENOENT)) return;
    if (!isErrno(error, ENOTEMPTY)) throw error;
    yield* removeDirectory(parent, name, takeOver);
  }
}

/**
 * Removes all that is in an open directory, which stays.
 *
 * @throws {KernelError} EBUSY where something is mounted in it; what was removed before stays removed
 */
export function* emptyDirectory(directory: number): Routine<void> {
  // Not from where it stands.
  const dir = yield* call('openat', directory, '.', O_RDONLY | O_DIRECTORY, 0);
  try {
    yield* removeEntries(dir, yield* mountOf(dir), undefined);
  } finally {
    close(dir);
  }
}
