// What processes that have died left in a store: opened only when nobody holds its lock any more.
import { callAsync, close } from '../kernel/call.ts';
import { LOCK_EX } from '../kernel/constants.ts';
import { ENOENT, ENOTDIR } from '../kernel/errno.ts';
import { allNames } from '../kernel/names.ts';
import { runAsync } from '../kernel/routine.ts';
import { DIRECTORY, type Place } from './place.ts';
import { isErrno } from './refusal.ts';
import { tryLock } from './store-lock.ts';

export async function namesIn(place: Place, part: string): Promise<string[]> {
  const fd = await callAsync('openat', place.root, part, DIRECTORY, 0);
  try {
    return (await runAsync(allNames(fd))).map((name) => name.toString('latin1'));
  } finally {
    close(fd);
  }
}

/** Opens what a process that is gone has left, with its lock; undefined for what is alive, or gone meanwhile. */
export async function openDead(place: Place, path: string, flags: number): Promise<number | undefined> {
  let fd: number;
  try {
    fd = await callAsync('openat', place.root, path, flags, 0);
  } catch (error) {
    if (isErrno(error, ENOENT, ENOTDIR)) return undefined;
    throw error;
  }
  if (tryLock(fd, LOCK_EX)) return fd;
  close(fd);
  return undefined;
}
