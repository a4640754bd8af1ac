// One entry out of what tells of it: its header, pax records of its own and of all, GNU long names.
import type { EntryType, Extent, TarEntry } from './entry.ts';
import type { Header } from './header.ts';
import type { PaxRecord } from './pax-records.ts';
import { joinTime, parsePaxTime } from './pax-time.ts';
import { tarProblem } from './tar-problem.ts';
import { xattrsOf } from './xattr-records.ts';

/** What precedes a header and tells more than it can. */
export interface Prelude {
  readonly records: readonly PaxRecord[];
  readonly longName: Buffer | undefined;
  readonly longLink: Buffer | undefined;
}

const TYPES: Readonly<Record<string, EntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file', // contiguous
  D: 'directory', // of a GNU incremental archive, with a list of names as content
  S: 'file', // sparse, old GNU form
};

const SLASH = 0x2f;

/** The type of an entry; undefined for one that is not known. */
export function typeOf(header: Header, name: Buffer): EntryType | undefined {
  if (header.type === '\0' && name.at(-1) === SLASH) return 'directory';
  return Object.hasOwn(TYPES, header.type) ? TYPES[header.type] : undefined;
}

/** The last record of a keyword. An empty value takes the keyword back, also what a global header said. */
function lookUp(records: readonly PaxRecord[], keyword: string): Buffer | undefined {
  const value = records.findLast((record) => record.keyword === keyword)?.value;
  return value?.length === 0 ? undefined : value;
}

function decimal(records: readonly PaxRecord[], keyword: string, at: number): number | undefined {
  const text = lookUp(records, keyword)?.toString('latin1');
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw tarProblem('ERR_OVERLAY_TAR_CORRUPT', at, `the pax record ${keyword} is no number`);
  }
  return value;
}

function time(records: readonly PaxRecord[], header: Header): bigint {
  const text = lookUp(records, 'mtime');
  if (text === undefined) return joinTime(header.mtime);
  const value = parsePaxTime(text.toString('latin1'));
  if (value === undefined) {
    throw tarProblem('ERR_OVERLAY_TAR_CORRUPT', header.at, 'the pax record mtime is no time');
  }
  return value;
}

/** How many bytes of content follow the header. */
export function storedSize(header: Header, { records }: Prelude): number {
  return decimal(records, 'size', header.at) ?? header.size;
}

export function nameOf(header: Header, { records, longName }: Prelude): Buffer {
  return longName ?? lookUp(records, 'path') ?? header.name;
}

/** What of an entry is known apart from its header and prelude. */
export interface Content {
  readonly name: Buffer;
  readonly type: EntryType;
  readonly size: number;
  readonly extents?: readonly Extent[];
}

export function mergeEntry(header: Header, prelude: Prelude, content: Content): TarEntry {
  const { records } = prelude;
  const isLink = content.type === 'hardlink' || content.type === 'symlink';
  return {
    ...content,
    mode: header.mode & 0o7777,
    uid: decimal(records, 'uid', header.at) ?? header.uid,
    gid: decimal(records, 'gid', header.at) ?? header.gid,
    uname: lookUp(records, 'uname') ?? header.uname,
    gname: lookUp(records, 'gname') ?? header.gname,
    mtime: time(records, header),
    linkname: isLink ? (prelude.longLink ?? lookUp(records, 'linkpath') ?? header.linkname) : Buffer.alloc(0),
    device: header.device,
    xattrs: xattrsOf(records),
  };
}
