// Removes what nothing refers to any more: of processes that have died, and of this one where a removal failed.
import type { Finding } from '../format/overlay-error.ts';
import { directoryName } from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import { AT_REMOVEDIR, O_NOFOLLOW, O_RDONLY } from '../kernel/constants.ts';
import { ENOENT, ENOTEMPTY } from '../kernel/errno.ts';
import type { Driver } from './driver.ts';
import { allEntries } from './entries.ts';
import { namesIn, openDead } from './leftovers.ts';
import { DIRECTORY, type Place } from './place.ts';
import { isDamaged } from './read-record.ts';
import { isErrno } from './refusal.ts';
import { removeInside } from './remove-aside.ts';
import { removeStraysOf } from './strays.ts';

/** What {@link cleanupStore} did. */
export interface Cleanup {
  /** The paths that are gone. */
  readonly removed: readonly string[];
  /** What could not be removed, and why. */
  readonly findings: readonly Finding[];
}

function stays(path: string, error: unknown): Finding {
  const sentence = `${JSON.stringify(path)} cannot be removed: ${error instanceof Error ? error.message : String(error)}`;
  return {
    code: 'ERR_STORE_RUBBISH',
    sentence,
    hint: 'see what holds it, such as chattr +i or a mount in it',
    path,
  };
}

async function cleanSession(place: Place, driver: Driver, session: string, done: string[], left: Finding[]) {
  const names = await namesIn(place, `sessions/${session}`);
  for (const name of names) {
    const path = place.path('sessions', session, name).toString();
    try {
      await removeInside(place, driver, session, name);
      done.push(path);
    } catch (error) {
      left.push(stays(path, error));
    }
  }
  try {
    await callAsync('unlinkat', place.root, `sessions/${session}`, AT_REMOVEDIR);
    done.push(place.path('sessions', session).toString());
  } catch (error) {
    if (!isErrno(error, ENOTEMPTY, ENOENT)) throw error;
  }
}

// What this open store could not remove before.
async function cleanOwn(place: Place, driver: Driver, removed: string[], findings: Finding[]): Promise<void> {
  const session = await place.sessionName();
  if (session === undefined) return;
  for (const name of [...place.abandoned]) {
    const path = place.path('sessions', session, name).toString();
    try {
      await removeInside(place, driver, session, name);
      place.abandoned.delete(name);
      removed.push(path);
    } catch (error) {
      findings.push(stays(path, error));
    }
  }
}

// What interrupted commits and updates have left in snapshots.
async function cleanSnapshots(
  place: Place,
  driver: Driver,
  removed: string[],
  findings: Finding[],
): Promise<void> {
  for await (const entry of allEntries(place)) {
    if (isDamaged(entry)) continue;
    try {
      removed.push(...(await removeStraysOf(place, driver, entry.name)));
    } catch (error) {
      findings.push(stays(place.path('snapshots', directoryName(entry.name)).toString(), error));
    }
  }
}

/** Removes what processes that have died left, and waits until the room of what was destroyed is free. */
export async function cleanupStore(place: Place, driver: Driver): Promise<Cleanup> {
  const removed: string[] = [];
  const findings: Finding[] = [];
  for (const session of await namesIn(place, 'sessions')) {
    // Under the lock: nobody is between making a session and locking it.
    const fd = await place.lock.hold(() => openDead(place, `sessions/${session}`, DIRECTORY));
    if (fd === undefined) continue;
    try {
      await cleanSession(place, driver, session, removed, findings);
    } finally {
      close(fd);
    }
  }
  for (const claim of await namesIn(place, 'claims')) {
    const fd = await openDead(place, `claims/${claim}`, O_RDONLY | O_NOFOLLOW);
    if (fd === undefined) continue;
    await callAsync('unlinkat', place.root, `claims/${claim}`, 0);
    close(fd);
    removed.push(place.path('claims', claim).toString());
  }
  await cleanOwn(place, driver, removed, findings);
  await cleanSnapshots(place, driver, removed, findings);
  await driver.settle?.(place);
  return { removed, findings };
}
