// The snapshots of a store as they lie on the disk: found by key, held by a lock, read by the hundred.
import { directoryName, isDirectoryName, type SnapshotRecord } from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  STATX_INO,
} from '../kernel/constants.ts';
import { EAGAIN, ENOENT, ENOTDIR } from '../kernel/errno.ts';
import { allNames } from '../kernel/names.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { runAsync } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { DIRECTORY, type Place } from './place.ts';
import { addReading, DATA, type Damaged, decide, isDamaged, type ReadSteps } from './read-record.ts';
import { isErrno, quoted, refusal } from './refusal.ts';
import { holderText, pause } from './store-lock.ts';

/** A snapshot that is open. */
export interface OpenEntry {
  readonly directory: string;
  /** Its directory, open for reading, with the lock that was asked for. */
  readonly fd: number;
  readonly record: SnapshotRecord;
  /** An overlay has been mounted with its work directory; unknown of what was not opened by its name. */
  readonly mountedOnce?: boolean;
}

/** `share`: it is used, and must not go; `own`: it is being changed or removed. */
export type Hold = 'look' | 'share' | 'own';

const AT_ONCE = 64;
const GONE = Symbol('no directory');
const LOCKED = Symbol('locked by somebody else');
/**
 * Who wants to use a snapshot waits so long for somebody who has it alone: nearly all have it for a moment, to see that it
 * cannot be removed. Where the disk is busy that is a long moment: a remover waits for it and for the lock of the store.
 */
const PATIENCE_MS = 5_000;
const LONGEST_PAUSE_MS = 16;

/** The error for a snapshot that cannot be believed. */
export function damagedError(place: Place, { directory, reason }: Damaged): Error {
  const path = place.path('snapshots', directory);
  return refusal(
    'ERR_STORE_DAMAGED',
    `the snapshot at ${quoted(path)} cannot be used: ${reason}`,
    'see check(), and what repair() would do',
    { path: path.toString() },
  );
}

/** The data of a snapshot, open; the caller closes it. @throws {OverlayError} ERR_STORE_DAMAGED when there is none */
export async function openData(place: Place, { fd, directory }: OpenEntry): Promise<number> {
  try {
    return await callAsync('openat', fd, DATA, DIRECTORY, 0);
  } catch (error) {
    if (!isErrno(error, ENOENT, ENOTDIR)) throw error;
    throw damagedError(place, { directory, reason: 'it has no data directory' });
  }
}

export function notFound(key: string, option: 'key' | 'parent' = 'key'): Error {
  const sentence = `there is no ${option === 'key' ? 'snapshot' : option} ${JSON.stringify(key)}`;
  return refusal('ERR_STORE_NOT_FOUND', sentence, 'list() has those that there are', { option });
}

async function openOnce(
  place: Place,
  directory: string,
  hold: Hold,
  patient: boolean,
): Promise<OpenEntry | Damaged | symbol> {
  const program = new Program();
  const fd = program.add('openat', KEEP | MAY_FAIL, place.snapshots, directory, DIRECTORY, 0);
  const operation = LOCK_NB | (hold === 'own' ? LOCK_EX : LOCK_SH);
  const lock = hold === 'look' ? undefined : program.add('flock', MAY_FAIL, fd, operation);
  const held = program.add('statx', MAY_FAIL | WANT, fd, '', AT_EMPTY_PATH, STATX_INO);
  const named = program.add(
    'statx',
    MAY_FAIL | WANT,
    place.snapshots,
    directory,
    AT_SYMLINK_NOFOLLOW,
    STATX_INO,
  );
  // The driver makes it, and leaves it there (ovl_workdir_create in fs/overlayfs/super.c).
  const worked = program.add('statx', MAY_FAIL, fd, 'work/work', AT_SYMLINK_NOFOLLOW, STATX_INO);
  const steps = addReading(program, fd, '');
  await program.later();
  const open = program.value(fd);
  if (open === -ENOENT) return GONE;
  if (open < 0) return { directory, reason: `its directory cannot be opened (errno ${-open})` };
  try {
    const locked = lock === undefined ? 0 : program.value(lock);
    if (locked === -EAGAIN) {
      if (!patient) throw await inUseError(directory, open, program, steps);
      close(open);
      return LOCKED;
    }
    const [mine, theirs] = [program.bytes(held), program.bytes(named)];
    const same = mine !== undefined && theirs !== undefined && identityOf(mine).equals(identityOf(theirs));
    // Renamed or removed between the opening and the lock.
    if (!same) {
      close(open);
      return GONE;
    }
    const record = await decide(program, steps, open, '', directory);
    if (!isDamaged(record)) {
      const mountedOnce = program.value(worked) !== -ENOENT;
      return { directory, fd: open, record, mountedOnce };
    }
    close(open);
    return record;
  } catch (error) {
    close(open);
    throw error;
  }
}

async function inUseError(directory: string, fd: number, program: Program, steps: ReadSteps): Promise<Error> {
  const record = await decide(program, steps, fd, '', directory);
  const name = isDamaged(record) ? directory : record.name;
  const sentence = `the snapshot ${JSON.stringify(name)} is in use by ${await holderText(fd)}`;
  return refusal('ERR_STORE_IN_USE', sentence, 'unmount it, or wait until it is ready', { option: 'key' });
}

/**
 * Opens the snapshot of a key; the caller closes it.
 *
 * @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_IN_USE, ERR_STORE_DAMAGED
 */
export async function openEntry(
  place: Place,
  key: string,
  hold: Hold,
  option?: 'key' | 'parent',
): Promise<OpenEntry> {
  const directory = directoryName(key);
  const end = performance.now() + PATIENCE_MS;
  const once = () => openOnce(place, directory, hold, hold === 'share' && performance.now() < end);
  let entry = await once();
  for (let ms = 1; entry === LOCKED; ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
    await pause(ms);
    entry = await once();
  }
  if (typeof entry === 'symbol') throw notFound(key, option);
  if ('reason' in entry) throw damagedError(place, entry);
  if (entry.record.name === key) return entry;
  close(entry.fd);
  throw notFound(key, option);
}

/** Its record. @throws {OverlayError} as {@link openEntry} */
export async function readEntry(place: Place, key: string): Promise<SnapshotRecord> {
  const entry = await openEntry(place, key, 'look');
  close(entry.fd);
  return entry.record;
}

/** Whether a name is taken, by whatever snapshot. */
export async function directoriesIn(place: Place): Promise<string[]> {
  const fd = await callAsync('openat', place.snapshots, '.', DIRECTORY, 0);
  try {
    return (await runAsync(allNames(fd))).map((name) => name.toString('latin1'));
  } finally {
    close(fd);
  }
}

async function readSome(place: Place, directories: readonly string[]): Promise<(SnapshotRecord | Damaged)[]> {
  const program = new Program();
  const steps = directories.map((name) => addReading(program, place.snapshots, `${name}/`));
  await program.later();
  const found: (SnapshotRecord | Damaged)[] = [];
  for (const [i, name] of directories.entries()) {
    const { committed, record } = steps[i]!;
    const failed = [program.value(committed), program.value(record)];
    // Both are missing in a directory that went while this was read, too.
    const entry = await decide(program, steps[i]!, place.snapshots, `${name}/`, name);
    if (isDamaged(entry) && failed.every((value) => value === -ENOENT) && !(await isThere(place, name)))
      continue;
    found.push(entry);
  }
  return found;
}

async function isThere(place: Place, directory: string): Promise<boolean> {
  const program = new Program();
  const there = program.add('statx', MAY_FAIL, place.snapshots, directory, AT_SYMLINK_NOFOLLOW, STATX_INO);
  await program.later();
  return program.value(there) !== -ENOENT;
}

/** All of them, in the order of the directory; what has no such name is left out. */
export async function* allEntries(place: Place): AsyncGenerator<SnapshotRecord | Damaged> {
  const names = (await directoriesIn(place)).filter(isDirectoryName);
  for (let at = 0; at < names.length; at += AT_ONCE)
    yield* await readSome(place, names.slice(at, at + AT_ONCE));
}
