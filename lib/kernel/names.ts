// The names in a directory, as bytes.
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import { call } from './call.ts';
import type { Routine } from './routine.ts';

// Offsets in struct linux_dirent64 (getdents(2)).
const RECORD_LENGTH = 16;
const NAME = 19;

/** The names in what getdents64 filled, without `.` and `..`. */
export function namesIn(records: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let at = 0; at + NAME < records.length; ) {
    const length = HOST_IS_LITTLE_ENDIAN
      ? records.readUInt16LE(at + RECORD_LENGTH)
      : records.readUInt16BE(at + RECORD_LENGTH);
    const end = records.indexOf(0, at + NAME);
    const name = records.subarray(at + NAME, end);
    if (!name.equals(DOT) && !name.equals(DOT_DOT)) names.push(name);
    at += length;
  }
  return names;
}

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');

/** The next names of an open directory, without `.` and `..`; none at its end. */
export function* someNames(dir: number): Routine<Buffer[]> {
  for (;;) {
    const records = yield* call('getdents64', dir, 32768);
    const names = namesIn(records);
    if (names.length > 0 || records.length === 0) return names;
  }
}

/** All names of an open directory, from where it stands. */
export function* allNames(dir: number): Routine<Buffer[]> {
  const names: Buffer[] = [];
  for (let more = yield* someNames(dir); more.length > 0; more = yield* someNames(dir)) names.push(...more);
  return names;
}
