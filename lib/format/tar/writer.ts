// The bytes before an entry's content in the canonical form: ustar, with a pax header only where that cannot say it.
//
// The same choices as Go's archive/tar in its pax form, by which the container tools write layers, so that unpacking and
// packing such a layer gives the digest that it had. Records are sorted; times are cut by nobody; content has no holes.
import type { EntryType, TarEntry } from './entry.ts';
import { BLOCK, checksumOf, FIELDS, paddingOf } from './header.ts';
import { fitsOctal, octalField } from './number-field.ts';
import { formatPaxRecord, type PaxRecord } from './pax-records.ts';
import { formatPaxTime, splitTime } from './pax-time.ts';
import { unwritable } from './tar-problem.ts';
import { asciiOf, extendedHeaderName, isAscii, splitName } from './ustar-name.ts';
import { xattrRecord } from './xattr-records.ts';

const FLAGS: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

const SLASH = 0x2f;
const MAGIC = 'ustar\x0000';
type Field = keyof typeof FIELDS;

/** What ends an archive. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK);

/** The zeros between an entry's content and the next header. */
export function paddingBytes(size: number): Buffer {
  return END_OF_ARCHIVE.subarray(0, paddingOf(size));
}

/** An entry as it is written: content is not sparse. */
export type WritableEntry = Omit<TarEntry, 'extents'>;

function check(entry: WritableEntry): void {
  const { name, type, linkname, device, mode } = entry;
  const bad = (problem: string) => unwritable(name, problem);
  if (name.length === 0) throw bad('an empty name');
  for (const field of ['name', 'linkname', 'uname', 'gname'] as const) {
    if (entry[field].includes(0)) throw bad(`a NUL byte in ${field}`);
  }
  if (entry.xattrs.some((xattr) => xattr.name.includes(0))) throw bad("a NUL byte in an attribute's name");
  if (type !== 'directory' && name.at(-1) === SLASH) throw bad('a trailing slash, which is for directories');
  if ((type === 'hardlink' || type === 'symlink') !== linkname.length > 0) {
    throw bad('a link needs a target, and nothing else has one');
  }
  if (type !== 'file' && entry.size !== 0) throw bad('only files have content');
  for (const field of ['uid', 'gid', 'size'] as const) {
    if (!Number.isSafeInteger(entry[field]) || entry[field] < 0) throw bad(`${entry[field]} is no ${field}`);
  }
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) throw bad(`${mode} is no mode`);
  if (!fitsOctal(device.major, 8) || !fitsOctal(device.minor, 8)) throw bad('a device number without room');
}

/** What ustar has no room for. */
function recordsOf(entry: WritableEntry, name: Buffer): PaxRecord[] {
  const records: PaxRecord[] = entry.xattrs.map(xattrRecord);
  const text = (keyword: string, value: Buffer, field: Field): void => {
    const [from, to] = FIELDS[field];
    if (value.length > to - from || !isAscii(value)) records.push({ keyword, value });
  };
  const number = (keyword: 'uid' | 'gid' | 'size'): void => {
    const [from, to] = FIELDS[keyword];
    if (!fitsOctal(entry[keyword], to - from)) {
      records.push({ keyword, value: Buffer.from(String(entry[keyword])) });
    }
  };
  text('path', name, 'name');
  text('linkpath', entry.linkname, 'linkname');
  text('uname', entry.uname, 'uname');
  text('gname', entry.gname, 'gname');
  number('uid');
  number('gid');
  number('size');
  const { seconds, nanoseconds } = splitTime(entry.mtime);
  if (nanoseconds !== 0 || !fitsOctal(seconds, 12)) {
    records.push({ keyword: 'mtime', value: Buffer.from(formatPaxTime(entry.mtime)) });
  }
  return records;
}

/** Keywords are latin1, so that comparing them is comparing bytes. */
function sorted(records: readonly PaxRecord[]): PaxRecord[] {
  return records.toSorted((a, b) => (a.keyword < b.keyword ? -1 : a.keyword > b.keyword ? 1 : 0));
}

function seal(block: Buffer): Buffer {
  block.write(MAGIC, FIELDS.magic[0], 'latin1');
  block.write(`${octalField(checksumOf(block).unsigned, 7)} `, FIELDS.checksum[0], 'latin1');
  return block;
}

function putText(block: Buffer, field: Field, value: Buffer): void {
  const [from, to] = FIELDS[field];
  value.copy(block, from, 0, to - from);
  if (value.length <= to - from || block[to - 1] !== SLASH) return;
  // A cut name must not end in a slash: readers of the field alone would take a file for a directory.
  let end = to - 1;
  while (end > from && block[end - 1] === SLASH) end--;
  block[end] = 0;
}

function putNumber(block: Buffer, field: Field, value: number): void {
  const [from, to] = FIELDS[field];
  block.write(octalField(value, to - from), from, 'latin1');
}

function extendedHeader(name: Buffer, records: readonly PaxRecord[]): Buffer[] {
  const body = Buffer.concat(sorted(records).map(formatPaxRecord));
  const block = Buffer.alloc(BLOCK);
  putText(block, 'name', extendedHeaderName(name));
  for (const field of ['mode', 'uid', 'gid', 'mtime'] as const) putNumber(block, field, 0);
  putNumber(block, 'size', body.length);
  block.write('x', FIELDS.type[0], 'latin1');
  return [seal(block), body, paddingBytes(body.length)];
}

/**
 * All bytes before the content: a multiple of 512. The content has to follow, then `paddingBytes(entry.size)`.
 * A directory's name gets its trailing slash here.
 *
 * @throws {FormatError} `ERR_OVERLAY_TAR_VALUE` for what no archive can say
 */
export function formatEntry(entry: WritableEntry): Buffer {
  check(entry);
  const bare = entry.type === 'directory' && entry.name.at(-1) !== SLASH;
  const name = bare ? Buffer.concat([entry.name, Buffer.from('/')]) : entry.name;
  const split = splitName(name);
  const records = recordsOf(entry, name);
  // The one thing that ustar can say in another field.
  const ustar = records.length === 0 || (records.length === 1 && records[0]!.keyword === 'path' && split);
  const block = Buffer.alloc(BLOCK);
  putText(block, 'name', ustar && split ? split.name : asciiOf(name));
  if (ustar && split) putText(block, 'prefix', split.prefix);
  putText(block, 'linkname', asciiOf(entry.linkname));
  putText(block, 'uname', asciiOf(entry.uname));
  putText(block, 'gname', asciiOf(entry.gname));
  for (const field of ['mode', 'uid', 'gid', 'size'] as const) putNumber(block, field, entry[field]);
  putNumber(block, 'mtime', splitTime(entry.mtime).seconds);
  putNumber(block, 'devmajor', entry.device.major);
  putNumber(block, 'devminor', entry.device.minor);
  block.write(FLAGS[entry.type], FIELDS.type[0], 'latin1');
  seal(block);
  return ustar ? block : Buffer.concat([...extendedHeader(name, records), block]);
}
