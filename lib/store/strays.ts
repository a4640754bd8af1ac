// What lies in the directory of a snapshot and is no part of it: interrupted commits and updates leave such things.
import type { SnapshotRecord } from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import { ENOENT } from '../kernel/errno.ts';
import { allNames } from '../kernel/names.ts';
import { runAsync } from '../kernel/routine.ts';
import type { Driver } from './driver.ts';
import { type OpenEntry, openEntry } from './entries.ts';
import { WORK } from './overlay-driver.ts';
import { DIRECTORY, type Place } from './place.ts';
import { COMMITTED, RECORD, UPDATING } from './read-record.ts';
import { isErrno } from './refusal.ts';

export interface Strays {
  /** What this package leaves when it is interrupted. */
  readonly ours: readonly string[];
  /** What somebody else has put there. */
  readonly foreign: readonly string[];
}

const isOurs = (name: string) => [RECORD, COMMITTED, WORK].includes(name) || name.startsWith(UPDATING);

async function straysOf(driver: Driver, fd: number, record: SnapshotRecord): Promise<Strays> {
  const parts = [record.kind === 'committed' ? COMMITTED : RECORD, ...driver.parts(record)];
  const listed = await callAsync('openat', fd, '.', DIRECTORY, 0);
  try {
    const names = (await runAsync(allNames(listed))).map((name) => name.toString('latin1'));
    const strays = names.filter((name) => !parts.includes(name));
    return { ours: strays.filter(isOurs), foreign: strays.filter((name) => !isOurs(name)) };
  } finally {
    close(listed);
  }
}

/** Those of a snapshot that is open; what somebody is at work on has none of ours. */
export async function findStrays(place: Place, driver: Driver, { fd, record }: OpenEntry): Promise<Strays> {
  const strays = await straysOf(driver, fd, record);
  if (strays.ours.length === 0) return strays;
  // Again, held alone: a commit that ended between the record and the names looks like one that was interrupted.
  const alone = await openEntry(place, record.name, 'own').catch(() => undefined);
  if (alone === undefined) return { ...strays, ours: [] };
  try {
    return await straysOf(driver, alone.fd, alone.record);
  } finally {
    close(alone.fd);
  }
}

/** Removes ours from a snapshot that is held alone. Gives their names. */
export async function removeStrays(
  place: Place,
  driver: Driver,
  entry: OpenEntry,
): Promise<readonly string[]> {
  const { ours } = await straysOf(driver, entry.fd, entry.record);
  if (ours.includes(WORK)) await driver.afterCommit(place, entry);
  for (const name of ours) {
    try {
      if (name !== WORK) await callAsync('unlinkat', entry.fd, name, 0);
    } catch (error) {
      if (!isErrno(error, ENOENT)) throw error;
    }
  }
  return ours;
}

/** The same for a snapshot by its name; one that is gone or in use is left alone. */
export async function removeStraysOf(place: Place, driver: Driver, name: string): Promise<readonly string[]> {
  const seen = await openEntry(place, name, 'look').catch(() => undefined);
  if (seen === undefined) return [];
  try {
    if ((await straysOf(driver, seen.fd, seen.record)).ours.length === 0) return [];
  } finally {
    close(seen.fd);
  }
  const entry = await openEntry(place, name, 'own').catch(() => undefined);
  if (entry === undefined) return [];
  try {
    return (await removeStrays(place, driver, entry)).map((stray) =>
      place.path('snapshots', entry.directory, stray).toString(),
    );
  } finally {
    close(entry.fd);
  }
}
