// Makes a snapshot: aside first, with its record, and then by one rename a name that is seen.
import {
  directoryName,
  encodeRecord,
  type SnapshotKind,
  type SnapshotLimits,
  type SnapshotRecord,
} from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import { O_CREAT, O_EXCL, O_SYNC, O_WRONLY, RENAME_NOREPLACE } from '../kernel/constants.ts';
import { EEXIST } from '../kernel/errno.ts';
import { KEEP, Program } from '../kernel/program.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { runAsync } from '../kernel/routine.ts';
import type { Driver } from './driver.ts';
import { type OpenEntry, openEntry, RECORD } from './entries.ts';
import { DIRECTORY, type Place } from './place.ts';
import { isErrno, quoted, refusal } from './refusal.ts';

export interface NewSnapshot {
  readonly kind: Exclude<SnapshotKind, 'committed'>;
  readonly name: string;
  readonly parent: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: SnapshotLimits | undefined;
}

/** The kernel's: lowers of one overlay (OVL_MAX_STACK). A btrfs store keeps to it too, so that its images go anywhere. */
const DEEPEST = 500;

export function existsError(name: string): Error {
  const sentence = `there is a snapshot ${JSON.stringify(name)} already`;
  return refusal('ERR_STORE_EXISTS', sentence, 'remove it, or use another name', { option: 'key' });
}

/** The parent, shared until the child is there. @throws {OverlayError} */
export async function openParent(place: Place, name: string): Promise<OpenEntry> {
  const parent = await openEntry(place, name, 'share', 'parent');
  const { kind, chain } = parent.record;
  if (kind === 'committed' && chain.length < DEEPEST) return parent;
  close(parent.fd);
  if (kind !== 'committed') {
    const sentence = `${JSON.stringify(name)} is ${kind === 'view' ? 'a view' : 'active'}, and only a committed snapshot can be a parent`;
    throw refusal('ERR_STORE_NOT_COMMITTED', sentence, 'commit it first', { option: 'parent' });
  }
  const sentence = `${JSON.stringify(name)} has ${chain.length} parents, and an overlay has at most ${DEEPEST} lowers`;
  throw refusal('ERR_STORE_TOO_DEEP', sentence, 'squash some of the layers', { option: 'parent' });
}

export function newRecord(snapshot: NewSnapshot, parent: OpenEntry | undefined): SnapshotRecord {
  const now = new Date().toISOString();
  return {
    version: 1,
    name: snapshot.name,
    kind: snapshot.kind,
    parent: snapshot.parent ?? null,
    chain: parent === undefined ? [] : [parent.directory, ...parent.record.chain],
    labels: snapshot.labels,
    created: now,
    updated: now,
    ...(snapshot.limits === undefined ? {} : { limits: snapshot.limits }),
  };
}

/** On disk when this returns, with all that was done before on a filesystem with a journal. */
export async function writeRecord(fd: number, file: string, record: SnapshotRecord): Promise<void> {
  const program = new Program();
  const out = program.add('openat', 0, fd, file, O_WRONLY | O_CREAT | O_EXCL | O_SYNC, 0o600);
  program.add('write', 0, out, encodeRecord(record));
  await program.later();
}

/** Makes a directory in the session, and opens it. */
export async function makeAside(place: Place): Promise<{ readonly name: string; readonly fd: number }> {
  const session = await place.session();
  const name = place.freshName();
  const program = new Program();
  program.add('mkdirat', 0, session.fd, name, 0o700);
  const fd = program.add('openat', KEEP, session.fd, name, DIRECTORY, 0);
  await program.later();
  return { name, fd: program.value(fd) };
}

/** Gives what was made aside its name. @throws {OverlayError} ERR_STORE_EXISTS */
export async function publish(place: Place, aside: string, snapshot: string): Promise<void> {
  const session = await place.session();
  const directory = directoryName(snapshot);
  try {
    await callAsync('renameat2', session.fd, aside, place.snapshots, directory, RENAME_NOREPLACE);
  } catch (error) {
    if (isErrno(error, EEXIST)) throw await takenError(place, directory, snapshot);
    throw error;
  }
}

// Two keys of one name for the disk: as improbable as can be, and never mixed up.
async function takenError(place: Place, directory: string, snapshot: string): Promise<Error> {
  try {
    const entry = await openEntry(place, snapshot, 'look');
    close(entry.fd);
    return existsError(snapshot);
  } catch {
    const path = quoted(place.path('snapshots', directory));
    const sentence = `the name ${JSON.stringify(snapshot)} cannot be used: ${path}, where it would lie, is taken by something else`;
    return refusal('ERR_STORE_EXISTS', sentence, 'use another name, or see check()', { option: 'key' });
  }
}

/** Removes what was made aside, whole or in part. */
export async function discard(place: Place, driver: Driver, name: string, fd: number): Promise<void> {
  await driver.destroy(place, fd);
  await runAsync(removeTree((await place.session()).fd, name));
}

/** @throws {OverlayError} and KernelError, and nothing is there then */
export async function makeSnapshot(
  place: Place,
  driver: Driver,
  snapshot: NewSnapshot,
): Promise<SnapshotRecord> {
  const parent = snapshot.parent === undefined ? undefined : await openParent(place, snapshot.parent);
  try {
    const record = newRecord(snapshot, parent);
    await driver.beforeMaking?.(place, record);
    const aside = await makeAside(place);
    try {
      const whole = { ...record, ...(await driver.make(place, { fd: aside.fd, record, parent })) };
      await writeRecord(aside.fd, RECORD, whole);
      await publish(place, aside.name, snapshot.name);
      return whole;
    } catch (error) {
      // What cannot be undone is rubbish; the first error is the one that counts.
      await discard(place, driver, aside.name, aside.fd).catch(() => place.abandoned.add(aside.name));
      throw error;
    } finally {
      close(aside.fd);
    }
  } finally {
    if (parent !== undefined) close(parent.fd);
  }
}
