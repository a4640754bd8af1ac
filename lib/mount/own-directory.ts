// Directories of our own among the user's files: locked as long as their maker lives, so that what a crash left is known.
import type { Finding } from '../diagnosis/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  LOCK_EX,
  LOCK_NB,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  STATX_BASIC_STATS,
} from '../kernel/constants.ts';
import { EAGAIN, EMFILE, ENOENT } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { allNames } from '../kernel/names.ts';
import { removeTree, type TakeOver } from '../kernel/remove-tree.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat, identityOf } from '../kernel/stat.ts';
import { makePrivateDirectory } from './private-directory.ts';

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

export interface OwnDirectory {
  readonly name: string;
  /** Open for reading, and locked: the lock goes with the descriptor, however this process ends. Close it. */
  readonly fd: number;
}

function* attempt<T>(body: Routine<T>): Routine<T | KernelError> {
  try {
    return yield* body;
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}

function* isThere(parent: number, name: string | Buffer, fd: number): Routine<boolean> {
  const named = yield* attempt(call('statx', parent, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS));
  if (named instanceof KernelError) return false;
  const open = yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS);
  return identityOf(named).equals(identityOf(open));
}

// Undefined when somebody who sweeps was quicker than we.
function* lockOwn(parent: number, name: string): Routine<number | undefined> {
  const fd = yield* attempt(call('openat', parent, name, DIRECTORY, 0));
  if (fd instanceof KernelError) {
    if (fd.errno === -ENOENT) return undefined;
    throw fd;
  }
  const locked = yield* attempt(call('flock', fd, LOCK_EX | LOCK_NB));
  // A filesystem may have no locks for directories: then nobody can sweep either.
  const isOurs = !(locked instanceof KernelError) || locked.errno !== -EAGAIN;
  if (isOurs && (yield* isThere(parent, name, fd))) return fd;
  close(fd);
  return undefined;
}

/** Makes one in the directory `parent`, named with the prefix. Throws as makePrivateDirectory does. */
export function* makeOwnDirectory(
  parent: number,
  prefix: string,
  notWritable: () => Finding,
): Routine<OwnDirectory> {
  for (;;) {
    const name = yield* makePrivateDirectory(parent, prefix, notWritable);
    try {
      const fd = yield* lockOwn(parent, name);
      if (fd !== undefined) return { name, fd };
    } catch (error) {
      yield* attempt(call('unlinkat', parent, name, AT_REMOVEDIR));
      throw error;
    }
  }
}

function* isLeft(parent: number, name: Buffer, fd: number): Routine<boolean> {
  const stat = decodeStat(yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS));
  if (stat.uid !== process.geteuid!()) return false;
  const locked = yield* attempt(call('flock', fd, LOCK_EX | LOCK_NB));
  return !(locked instanceof KernelError) && (yield* isThere(parent, name, fd));
}

function* sweepOne(parent: number, name: Buffer, takeOver: TakeOver | undefined): Routine<void> {
  const fd = yield* call('openat', parent, name, DIRECTORY, 0);
  try {
    if (yield* isLeft(parent, name, fd)) yield* removeTree(parent, name, takeOver);
  } finally {
    close(fd);
  }
}

/**
 * Removes what processes of this user that are gone have left in `parent`: directories with the prefix, whose locks nobody
 * holds. What cannot be removed stays for the next time.
 *
 * @param parent of any kind of descriptor
 * @returns false when descriptors lacked for it
 */
export function* sweepOwnDirectories(parent: number, prefix: string, takeOver?: TakeOver): Routine<boolean> {
  let finished = true;
  const note = (outcome: unknown) => {
    if (outcome instanceof KernelError && outcome.errno === -EMFILE) finished = false;
  };
  const dir = yield* attempt(call('openat', parent, '.', DIRECTORY, 0));
  note(dir);
  // Who may not list it has nothing to look for in it.
  if (dir instanceof KernelError) return finished;
  try {
    const names = yield* allNames(dir);
    for (const name of names)
      if (name.toString('latin1').startsWith(prefix)) note(yield* attempt(sweepOne(dir, name, takeOver)));
    return finished;
  } finally {
    close(dir);
  }
}
