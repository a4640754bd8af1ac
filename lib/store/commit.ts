// Commits an active snapshot: all of it goes to the disk, and one rename gives it the new name and the new kind.
import { directoryName, encodeRecord, type SnapshotRecord, type Usage } from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY, RENAME_NOREPLACE } from '../kernel/constants.ts';
import { EEXIST } from '../kernel/errno.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Driver } from './driver.ts';
import { type OpenEntry, openEntry } from './entries.ts';
import { refuseMounted } from './in-use.ts';
import { existsError } from './make.ts';
import type { Place } from './place.ts';
import { COMMITTED, RECORD } from './read-record.ts';
import { isErrno, refusal } from './refusal.ts';

function notActive({ name, kind }: SnapshotRecord): Error {
  const sentence = `${JSON.stringify(name)} is ${kind === 'view' ? 'a view' : 'committed already'}, and only an active snapshot can be committed`;
  return refusal('ERR_STORE_NOT_ACTIVE', sentence, 'commit a snapshot that prepare() made', {
    option: 'key',
  });
}

// Not believed before the directory has its name: it may be written over what an interrupted commit has left.
/** On disk when this returns, with all the rest. */
export async function writeCommitted(fd: number, record: SnapshotRecord): Promise<void> {
  const program = new Program();
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
  const out = program.add('openat', 0, fd, COMMITTED, flags, 0o600);
  program.add('write', 0, out, encodeRecord(record));
  program.add('syncfs', 0, fd);
  await program.later();
}

async function rename(place: Place, from: string, name: string): Promise<void> {
  try {
    // Under the lock, since who looks for children must not miss this one between its two names.
    await place.lock.hold(() =>
      callAsync('renameat2', place.snapshots, from, place.snapshots, directoryName(name), RENAME_NOREPLACE),
    );
  } catch (error) {
    if (isErrno(error, EEXIST)) throw existsError(name);
    throw error;
  }
}

function committedRecord(
  record: SnapshotRecord,
  name: string,
  labels: Readonly<Record<string, string>>,
  usage: Usage,
  sealed: Partial<SnapshotRecord>,
): SnapshotRecord {
  const now = new Date().toISOString();
  const { limits: _limits, ...rest } = record;
  return { ...rest, ...sealed, name, kind: 'committed', labels, created: now, updated: now, usage };
}

// It stays active. What cannot be undone now is undone when it is mounted, or by cleanup().
async function takeBack(place: Place, driver: Driver, entry: OpenEntry): Promise<void> {
  await callAsync('unlinkat', entry.fd, COMMITTED, 0).catch(() => {});
  await driver.unseal?.(place, entry).catch(() => {});
}

async function commitEntry(
  place: Place,
  driver: Driver,
  entry: OpenEntry,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<SnapshotRecord> {
  const { record, directory, fd } = entry;
  if (record.kind !== 'active') throw notActive(record);
  const upper = driver.name === 'overlay' && record.parent !== null;
  await refuseMounted(place, record.name, directory, upper ? 'ask' : undefined);
  const usage = await driver.usage(place, entry);
  let committed: SnapshotRecord;
  try {
    committed = committedRecord(record, name, labels, usage, await driver.seal(place, entry));
    await writeCommitted(fd, committed);
    await rename(place, directory, name);
  } catch (error) {
    await takeBack(place, driver, entry);
    throw error;
  }
  // From here on it is committed; what is left of the active one is rubbish.
  await driver.afterCommit(place, { ...entry, record: committed, directory: directoryName(name) });
  const program = new Program();
  program.add('unlinkat', MAY_FAIL, fd, RECORD, 0);
  program.add('syncfs', 0, fd);
  await program.later();
  return committed;
}

/** @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_NOT_ACTIVE, ERR_STORE_EXISTS, ERR_STORE_IN_USE */
export async function commitSnapshot(
  place: Place,
  driver: Driver,
  name: string,
  key: string,
  labels: Readonly<Record<string, string>>,
): Promise<SnapshotRecord> {
  const entry = await openEntry(place, key, 'own');
  try {
    // Before the work: it would be for nothing.
    const taken = await openEntry(place, name, 'look').catch(() => undefined);
    if (taken !== undefined) {
      close(taken.fd);
      throw existsError(name);
    }
    return await commitEntry(place, driver, entry, name, labels);
  } finally {
    close(entry.fd);
  }
}
