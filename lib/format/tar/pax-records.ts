// The records of pax extended headers: a length in decimal, a keyword, a value of any bytes.
//
// Source: POSIX.1-2017 pax, "pax Extended Header". Keywords are kept as latin1, one character a byte.
import { tarProblem } from './tar-problem.ts';

export interface PaxRecord {
  readonly keyword: string;
  readonly value: Buffer;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const EQUALS = 0x3d;
/** Of the length: what follows it cannot be more than a header's own limit. */
const MOST_DIGITS = 10;

/** Keywords whose values become names, which NUL ends. */
const NAMES: ReadonlySet<string> = new Set(['path', 'linkpath', 'uname', 'gname', 'GNU.sparse.name']);

/** How many bytes the record at `start` has, and where its keyword begins; undefined when no length stands there. */
function lengthAt(bytes: Uint8Array, start: number): { length: number; keyword: number } | undefined {
  let length = 0;
  for (let i = start; i < bytes.length && i <= start + MOST_DIGITS; i++) {
    if (bytes[i] === SPACE && i > start) return { length, keyword: i + 1 };
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    length = length * 10 + digit;
  }
  return undefined;
}

/**
 * The records in their order; values are copies.
 *
 * @param at where the bytes begin in the archive
 * @throws {FormatError} `ERR_OVERLAY_TAR_CORRUPT`
 */
export function parsePaxRecords(bytes: Buffer, at: number): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let start = 0; start < bytes.length; ) {
    const corrupt = (problem: string) => tarProblem('ERR_OVERLAY_TAR_CORRUPT', at + start, problem);
    const found = lengthAt(bytes, start);
    if (found === undefined) throw corrupt('a pax record does not begin with its length');
    const end = start + found.length;
    if (end > bytes.length) throw corrupt('a pax record is longer than its header');
    if (end <= found.keyword || bytes[end - 1] !== NEWLINE) throw corrupt('a pax record has a wrong length');
    const record = bytes.subarray(found.keyword, end - 1);
    const equals = record.indexOf(EQUALS);
    if (equals <= 0) throw corrupt('a pax record has no keyword');
    const keyword = record.toString('latin1', 0, equals);
    const value = Buffer.from(record.subarray(equals + 1));
    if (keyword.includes('\0')) throw corrupt('a pax record has a NUL byte in its keyword');
    if (NAMES.has(keyword) && value.includes(0)) throw corrupt(`the pax record ${keyword} holds a NUL byte`);
    records.push({ keyword, value });
    start = end;
  }
  return records;
}

/** One record; the length counts its own digits. */
export function formatPaxRecord({ keyword, value }: PaxRecord): Buffer {
  const rest = keyword.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${keyword}=`, 'latin1'), value, Buffer.from('\n')]);
}
