// Removes a snapshot: out of sight by one rename, then from the disk.
import { randomBytes } from 'node:crypto';
import { close } from '../kernel/call.ts';
import { AT_REMOVEDIR, RENAME_NOREPLACE } from '../kernel/constants.ts';
import { EDQUOT, ENOSPC } from '../kernel/errno.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { runAsync } from '../kernel/routine.ts';
import type { Driver } from './driver.ts';
import { allEntries, type OpenEntry, openEntry } from './entries.ts';
import { refuseMounted } from './in-use.ts';
import type { Place } from './place.ts';
import { isDamaged, RECORD } from './read-record.ts';
import { isErrno, refusal } from './refusal.ts';

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

// Children are looked for without a lock first: who makes one meanwhile would wait for a parent that is not going to go.
async function openAlone(place: Place, key: string): Promise<OpenEntry> {
  const entry = await openEntry(place, key, 'own');
  if (entry.record.kind !== 'committed') return entry;
  close(entry.fd);
  await refuseParent(place, entry);
  return await openEntry(place, key, 'own');
}

/** Where a snapshot is that has no name any more. */
interface Aside {
  readonly fd: number;
  readonly name: string;
}

// On a full disk no session can be made, and the snapshot itself is put in its place: it is locked as one.
async function roomFor(place: Place): Promise<Aside> {
  try {
    return { fd: (await place.session()).fd, name: place.freshName() };
  } catch (error) {
    if (!isErrno(error, ENOSPC, EDQUOT)) throw error;
    return { fd: place.root, name: `sessions/${randomBytes(6).toString('hex')}` };
  }
}

function addMove(program: Program, place: Place, { directory }: OpenEntry, { fd, name }: Aside): void {
  program.add('renameat2', 0, place.snapshots, directory, fd, name, RENAME_NOREPLACE);
}

// What most snapshots have that were never written to. A directory with more in it stays.
function addErasing(program: Program, { fd, name }: Aside): number {
  program.add('unlinkat', MAY_FAIL, fd, `${name}/${RECORD}`, 0);
  for (const directory of ['fs', 'work/work', 'work/index', 'work'])
    program.add('unlinkat', MAY_FAIL, fd, `${name}/${directory}`, AT_REMOVEDIR);
  return program.add('unlinkat', MAY_FAIL, fd, name, AT_REMOVEDIR);
}

/** Takes its name from it, so that nobody finds it any more; and removes it, where little is to be done. Gives whether it is gone. */
async function takeAway(place: Place, driver: Driver, entry: OpenEntry, aside: Aside): Promise<boolean> {
  const program = new Program();
  addMove(program, place, entry, aside);
  if (entry.record.kind !== 'committed') {
    const last = driver.isBare(entry.record) ? addErasing(program, aside) : undefined;
    await program.later();
    return last !== undefined && program.value(last) === 0;
  }
  await place.lock.hold(async () => {
    await refuseParent(place, entry);
    await program.later();
  });
  return false;
}

/** Removes it from the disk. What cannot be removed is left for `cleanup`, which says why. */
async function erase(place: Place, driver: Driver, { fd, record }: OpenEntry, aside: Aside): Promise<void> {
  try {
    await driver.destroy(place, fd, record);
    await runAsync(removeTree(aside.fd, aside.name));
  } catch {
    if (aside.fd !== place.root) place.abandoned.add(aside.name);
  }
}

/**
 * Removes it with all that it has on the disk. What cannot be removed there has no name any more, and is left for `cleanup`,
 * which says why.
 *
 * @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_HAS_CHILDREN, ERR_STORE_IN_USE
 */
export async function removeSnapshot(place: Place, driver: Driver, key: string): Promise<void> {
  const entry = await openAlone(place, key);
  try {
    const { record, directory } = entry;
    const upper = driver.name === 'overlay' && record.kind === 'active' && record.parent !== null;
    const asked = entry.mountedOnce === false ? 'never mounted' : 'ask';
    await refuseMounted(place, record.name, directory, upper ? asked : undefined);
    const aside = await roomFor(place);
    if (!(await takeAway(place, driver, entry, aside))) await erase(place, driver, entry, aside);
  } finally {
    close(entry.fd);
  }
}
