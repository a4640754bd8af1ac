// Makes a snapshot: aside first, with its record, and then by one rename a name that is seen.
import {
  directoryName,
  encodeRecord,
  type SnapshotKind,
  type SnapshotLimits,
  type SnapshotRecord,
} from '../format/store/record.ts';
import { close } from '../kernel/call.ts';
import { O_CREAT, O_EXCL, O_SYNC, O_WRONLY, RENAME_NOREPLACE } from '../kernel/constants.ts';
import { EEXIST, ENOENT } from '../kernel/errno.ts';
import { KEEP, Program } from '../kernel/program.ts';
import type { Driver } from './driver.ts';
import { type OpenEntry, openData, openEntry } from './entries.ts';
import { DIRECTORY, type Place, type Session } from './place.ts';
import { RECORD } from './read-record.ts';
import { isErrno, quoted, refusal } from './refusal.ts';
import { removeInside } from './remove-aside.ts';

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
export function addRecord(program: Program, fd: number, file: string, record: SnapshotRecord): void {
  const out = program.add('openat', 0, fd, file, O_WRONLY | O_CREAT | O_EXCL | O_SYNC, 0o600);
  program.add('write', 0, out, encodeRecord(record));
}

function addAside(program: Program, session: Session, name: string): number {
  program.add('mkdirat', 0, session.fd, name, 0o700);
  return program.add('openat', KEEP, session.fd, name, DIRECTORY, 0);
}

/** A directory in the session, open. */
export interface Aside {
  readonly name: string;
  readonly fd: number;
}

/** Makes a directory in the session, and opens it. */
export async function makeAside(place: Place): Promise<Aside> {
  const session = await place.session();
  const name = place.freshName();
  const program = new Program();
  const fd = addAside(program, session, name);
  await program.later();
  return { name, fd: program.value(fd) };
}

function addPublishing(
  program: Program,
  place: Place,
  session: Session,
  aside: string,
  snapshot: string,
): void {
  const directory = directoryName(snapshot);
  program.add('renameat2', 0, session.fd, aside, place.snapshots, directory, RENAME_NOREPLACE);
}

/** Runs what ends with a snapshot's getting its name. @throws {OverlayError} ERR_STORE_EXISTS */
async function runPublishing(program: Program, place: Place, snapshot: string): Promise<void> {
  try {
    await program.later();
  } catch (error) {
    if (!isErrno(error, EEXIST) || error.syscall !== 'renameat2') throw error;
    throw await takenError(place, directoryName(snapshot), snapshot);
  }
}

/** Gives what was made aside its name. @throws {OverlayError} ERR_STORE_EXISTS */
export async function publish(place: Place, aside: string, snapshot: string): Promise<void> {
  const program = new Program();
  addPublishing(program, place, await place.session(), aside, snapshot);
  await runPublishing(program, place, snapshot);
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

/** Removes what was made aside, whole or in part; what cannot be undone is rubbish. */
export async function discard(place: Place, driver: Driver, name: string): Promise<void> {
  try {
    await removeInside(place, driver, (await place.session()).name, name);
  } catch {
    place.abandoned.add(name);
  }
}

interface Wanted {
  readonly place: Place;
  readonly driver: Driver;
  readonly record: SnapshotRecord;
  readonly parent: OpenEntry | undefined;
}

// In one job where all can be said beforehand: a job more is a twentieth of the whole.
async function makeNamed(wanted: Wanted, session: Session, name: string): Promise<SnapshotRecord> {
  const { place, driver, record, parent } = wanted;
  const finish = driver.finish(place, record);
  const first = new Program();
  const fd = addAside(first, session, name);
  driver.begin?.(place, first, { fd, record, parent });
  if (finish === undefined) {
    addRecord(first, fd, RECORD, record);
    addPublishing(first, place, session, name, record.name);
    await runPublishing(first, place, record.name);
    close(first.value(fd));
    return record;
  }
  await first.later();
  const directory = first.value(fd);
  try {
    const whole = { ...record, ...(await finish({ fd: directory, record, parent })) };
    const last = new Program();
    addRecord(last, directory, RECORD, whole);
    addPublishing(last, place, session, name, record.name);
    await runPublishing(last, place, record.name);
    return whole;
  } finally {
    close(directory);
  }
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
    const session = await place.session();
    const name = place.freshName();
    try {
      return await makeNamed({ place, driver, record, parent }, session, name);
    } catch (error) {
      await discard(place, driver, name);
      // Perhaps what is missing is the parent's.
      if (parent !== undefined && isErrno(error, ENOENT)) close(await openData(place, parent));
      throw error;
    }
  } finally {
    if (parent !== undefined) close(parent.fd);
  }
}
