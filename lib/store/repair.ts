// Mends what can be mended in a store without losing anything, and discards what cannot be used when that is asked for.
import type { Finding, OverlayError } from '../format/overlay-error.ts';
import { callAsync, close } from '../kernel/call.ts';
import { LOCK_EX, RENAME_NOREPLACE } from '../kernel/constants.ts';
import { checkStore, readAll } from './check.ts';
import type { Driver } from './driver.ts';
import { openEntry } from './entries.ts';
import { refuseMounted } from './in-use.ts';
import { DIRECTORY, type Place } from './place.ts';
import type { Damaged } from './read-record.ts';
import { removeInside } from './remove-aside.ts';
import { tryLock } from './store-lock.ts';
import { removeStrays } from './strays.ts';

async function discardDamaged(place: Place, driver: Driver, { directory }: Damaged): Promise<void> {
  const fd = await callAsync('openat', place.snapshots, directory, DIRECTORY, 0);
  try {
    // What is in use stays, damaged as it is.
    if (!tryLock(fd, LOCK_EX)) return;
    const used = await refuseMounted(place, directory, directory, 'ask').catch((error) => error);
    if ((used as OverlayError | undefined)?.code === 'ERR_STORE_IN_USE') return;
    if (used !== undefined) throw used;
    const session = await place.session();
    const aside = place.freshName();
    await callAsync('renameat2', place.snapshots, directory, session.fd, aside, RENAME_NOREPLACE);
    await removeInside(place, driver, session.name, aside);
  } finally {
    close(fd);
  }
}

/**
 * Mends what can be mended without losing anything: work directories, flags, what an interrupted commit left. With
 * `discard` what cannot be used at all is removed. Gives what is still wrong.
 */
export async function repairStore(place: Place, driver: Driver, discard: boolean): Promise<Finding[]> {
  const seen = await place.lock.hold(() => readAll(place));
  for (const record of seen.records.values()) {
    const entry = await openEntry(place, record.name, 'own').catch(() => undefined);
    // It is in use, so that it works.
    if (entry === undefined) continue;
    try {
      await driver.mend(place, entry);
      await removeStrays(place, driver, entry);
    } finally {
      close(entry.fd);
    }
  }
  if (discard) for (const damaged of seen.damaged) await discardDamaged(place, driver, damaged);
  return await checkStore(place, driver);
}
