// Removes from a session what was made there and got no name, or has lost it.
import { callAsync, close } from '../kernel/call.ts';
import { ENOENT, ENOTDIR } from '../kernel/errno.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { runAsync } from '../kernel/routine.ts';
import type { Driver } from './driver.ts';
import { DIRECTORY, type Place } from './place.ts';
import { isErrno } from './refusal.ts';

/** Destroys what lies under that name in an open session; what is no directory, too. */
async function removeAside(place: Place, driver: Driver, session: number, name: string): Promise<void> {
  let aside: number;
  try {
    aside = await callAsync('openat', session, name, DIRECTORY, 0);
  } catch (error) {
    if (isErrno(error, ENOENT)) return;
    if (!isErrno(error, ENOTDIR)) throw error;
    await callAsync('unlinkat', session, name, 0);
    return;
  }
  try {
    await driver.destroy(place, aside);
  } finally {
    close(aside);
  }
  await runAsync(removeTree(session, name));
}

/** Destroys what lies in a session under that name. */
export async function removeInside(
  place: Place,
  driver: Driver,
  session: string,
  name: string,
): Promise<void> {
  const fd = await callAsync('openat', place.root, `sessions/${session}`, DIRECTORY, 0);
  try {
    await removeAside(place, driver, fd, name);
  } finally {
    close(fd);
  }
}
