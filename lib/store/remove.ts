// Removes a snapshot: out of sight by one rename, then from the disk.
import { callAsync, close } from '../kernel/call.ts';
import { AT_REMOVEDIR, RENAME_NOREPLACE } from '../kernel/constants.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { runAsync } from '../kernel/routine.ts';
import type { Driver } from './driver.ts';
import { allEntries, isDamaged, type OpenEntry, openEntry, RECORD } from './entries.ts';
import { refuseMounted } from './in-use.ts';
import type { Place } from './place.ts';
import { refusal } from './refusal.ts';

const SHOWN_CHILDREN = 5;

async function refuseParent(place: Place, { record, directory }: OpenEntry): Promise<void> {
  const children: string[] = [];
  for await (const other of allEntries(place))
    if (!isDamaged(other) && other.chain[0] === directory) children.push(other.name);
  if (children.length === 0) return;
  const named = children.slice(0, SHOWN_CHILDREN).map((name) => JSON.stringify(name));
  const more = children.length > named.length ? ` and ${children.length - named.length} more` : '';
  const sentence = `the snapshot ${JSON.stringify(record.name)} is the parent of ${named.join(', ')}${more}`;
  throw refusal('ERR_STORE_HAS_CHILDREN', sentence, 'remove those first', { option: 'key' });
}

/** Takes its name from it; nobody finds it any more. Gives its name in the session. */
async function takeAway(place: Place, entry: OpenEntry): Promise<string> {
  const session = await place.session();
  const aside = place.freshName();
  const move = () =>
    callAsync('renameat2', place.snapshots, entry.directory, session.fd, aside, RENAME_NOREPLACE);
  if (entry.record.kind !== 'committed') await move();
  else
    await place.lock.hold(async () => {
      await refuseParent(place, entry);
      await move();
    });
  return aside;
}

// What most snapshots have that were never written to, in one job instead of twenty. A directory with more in it stays.
async function removeEmpty(session: number, aside: string): Promise<boolean> {
  const program = new Program();
  program.add('unlinkat', MAY_FAIL, session, `${aside}/${RECORD}`, 0);
  for (const directory of ['fs', 'work/work', 'work/index', 'work'])
    program.add('unlinkat', MAY_FAIL, session, `${aside}/${directory}`, AT_REMOVEDIR);
  const last = program.add('unlinkat', MAY_FAIL, session, aside, AT_REMOVEDIR);
  await program.later();
  return program.value(last) === 0;
}

/** Removes it from the disk; nobody finds it any more. What cannot be removed is left for `cleanup`, which says why. */
async function erase(place: Place, driver: Driver, aside: string, entry: OpenEntry): Promise<void> {
  try {
    const { fd } = await place.session();
    await driver.destroy(place, entry.fd, entry.record);
    if (!(await removeEmpty(fd, aside))) await runAsync(removeTree(fd, aside));
  } catch {
    place.abandoned.add(aside);
  } finally {
    close(entry.fd);
  }
}

async function removeEntry(place: Place, driver: Driver, entry: OpenEntry): Promise<void> {
  const { record, directory } = entry;
  if (record.kind === 'committed') await refuseParent(place, entry);
  const upper = driver.name === 'overlay' && record.kind === 'active' && record.parent !== null;
  await refuseMounted(place, record.name, directory, upper);
  const aside = await takeAway(place, entry);
  // Freeing what is on the disk takes longer than all else, and nothing depends on it.
  await place.meanwhile(erase(place, driver, aside, entry));
}

/**
 * The snapshot is gone when this returns; its room on the disk is given back meanwhile, and for certain after `cleanup` or
 * `close`.
 *
 * @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_HAS_CHILDREN, ERR_STORE_IN_USE
 */
export async function removeSnapshot(place: Place, driver: Driver, key: string): Promise<void> {
  const entry = await openEntry(place, key, 'own');
  try {
    await removeEntry(place, driver, entry);
  } catch (error) {
    close(entry.fd);
    throw error;
  }
}
