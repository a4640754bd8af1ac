// Reads the record of a snapshot, and decides which of two is to be believed.
import { decodeRecord, directoryName, type SnapshotRecord } from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import { O_NOFOLLOW, O_RDONLY } from '../kernel/constants.ts';
import { MAY_FAIL, type Program, WANT } from '../kernel/program.ts';

/** The file with the record of a committed snapshot, and of every other. */
export const COMMITTED = 'committed';
export const RECORD = 'record';
/** Where the data of a snapshot is. */
export const DATA = 'fs';
/** How the names of records begin that are not in their place yet. */
export const UPDATING = 'new-';

/** A snapshot whose record cannot be believed. */
export interface Damaged {
  readonly directory: string;
  readonly reason: string;
}

const READ = O_RDONLY | O_NOFOLLOW;
// Nearly all records have less; of longer ones the rest is read apart.
const ROOM = 8192;

export interface ReadSteps {
  readonly committed: number;
  readonly committedBytes: number;
  readonly record: number;
  readonly recordBytes: number;
}

export function addReading(program: Program, dir: number, prefix: string): ReadSteps {
  const committed = program.add('openat', MAY_FAIL, dir, `${prefix}${COMMITTED}`, READ, 0);
  const committedBytes = program.add('read', MAY_FAIL | WANT, committed, ROOM);
  const record = program.add('openat', MAY_FAIL, dir, `${prefix}${RECORD}`, READ, 0);
  const recordBytes = program.add('read', MAY_FAIL | WANT, record, ROOM);
  return { committed, committedBytes, record, recordBytes };
}

async function whole(bytes: Buffer | undefined, dir: number, file: string): Promise<Buffer | undefined> {
  if (bytes === undefined || bytes.length < ROOM) return bytes;
  const fd = await callAsync('openat', dir, file, READ, 0);
  try {
    const parts: Buffer[] = [];
    for (let part = await callAsync('read', fd, 1 << 20); part.length > 0; ) {
      parts.push(part);
      part = await callAsync('read', fd, 1 << 20);
    }
    return Buffer.concat(parts);
  } finally {
    close(fd);
  }
}

// The name of the directory decides: what is to be committed under another name has that record beside its own already,
// and both become true by the rename alone.
function believed(
  directory: string,
  committed: Buffer | undefined,
  record: Buffer | undefined,
): SnapshotRecord | Damaged {
  const first = committed === undefined ? undefined : decodeRecord(committed);
  if (typeof first === 'object' && directoryName(first.name) === directory) return first;
  const second = record === undefined ? undefined : decodeRecord(record);
  if (typeof second === 'object' && directoryName(second.name) === directory) return second;
  const reason =
    typeof second === 'object' || (second === undefined && typeof first === 'object')
      ? 'its record is that of another snapshot'
      : second === undefined && first === undefined
        ? 'it has no record'
        : `its record cannot be read: ${second ?? first}`;
  return { directory, reason };
}

export async function decide(
  program: Program,
  steps: ReadSteps,
  dir: number,
  prefix: string,
  directory: string,
): Promise<SnapshotRecord | Damaged> {
  const committed = await whole(program.bytes(steps.committedBytes), dir, `${prefix}${COMMITTED}`);
  const record = await whole(program.bytes(steps.recordBytes), dir, `${prefix}${RECORD}`);
  return believed(directory, committed, record);
}

export const isDamaged = (entry: SnapshotRecord | Damaged): entry is Damaged => 'reason' in entry;
