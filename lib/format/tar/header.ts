// One header block of a tar archive, in any of its dialects: V7, ustar, star, GNU.
//
// Source: POSIX.1-2017 pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format".
import type { FormatError } from '../format-error.ts';
import type { DeviceNumber } from './entry.ts';
import { parseNumberField } from './number-field.ts';
import { tarProblem } from './tar-problem.ts';

export const BLOCK = 512;
const ZEROS = Buffer.alloc(BLOCK);
const SPACE = 0x20;

/** Where each field stands: its first byte, and the one behind its last. */
export const FIELDS = {
  name: [0, 100],
  mode: [100, 108],
  uid: [108, 116],
  gid: [116, 124],
  size: [124, 136],
  mtime: [136, 148],
  checksum: [148, 156],
  type: [156, 157],
  linkname: [157, 257],
  magic: [257, 265],
  uname: [265, 297],
  gname: [297, 329],
  devmajor: [329, 337],
  devminor: [337, 345],
  prefix: [345, 500],
  starPrefix: [345, 476],
  starTrailer: [508, 512],
} as const;

export interface Header {
  /** Where the block begins in the archive. */
  readonly at: number;
  /** One character, or `'\0'`, which old writers used for files. */
  readonly type: string;
  readonly name: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  readonly linkname: Buffer;
  readonly uname: Buffer;
  readonly gname: Buffer;
  readonly device: DeviceNumber;
}

export function isZero(bytes: Uint8Array): boolean {
  return ZEROS.subarray(0, bytes.length).equals(bytes);
}

/** How many bytes stand between content of this size and the next block. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** The sum of a block's bytes, those of the checksum taken as spaces; old writers took bytes as signed. */
export function checksumOf(block: Uint8Array): { readonly unsigned: number; readonly signed: number } {
  const [from, to] = FIELDS.checksum;
  let unsigned = SPACE * (to - from);
  let large = 0;
  for (let i = 0; i < BLOCK; i++) {
    if (i === from) i = to;
    unsigned += block[i]!;
    large += block[i]! >> 7;
  }
  return { unsigned, signed: unsigned - large * 0x100 };
}

/** A copy of the bytes before the first NUL. */
export function untilNul(bytes: Buffer): Buffer {
  const nul = bytes.indexOf(0);
  return Buffer.from(nul < 0 ? bytes : bytes.subarray(0, nul));
}

type Dialect = 'v7' | 'ustar' | 'star' | 'gnu';

function dialectOf(block: Buffer): Dialect {
  const magic = block.toString('latin1', ...FIELDS.magic);
  if (magic === 'ustar  \0') return 'gnu';
  if (magic !== 'ustar\x0000') return 'v7';
  return block.toString('latin1', ...FIELDS.starTrailer) === 'tar\0' ? 'star' : 'ustar';
}

function nameIn(block: Buffer, dialect: Dialect): Buffer {
  const name = untilNul(block.subarray(...FIELDS.name));
  if (dialect !== 'ustar' && dialect !== 'star') return name;
  const prefix = untilNul(block.subarray(...(dialect === 'star' ? FIELDS.starPrefix : FIELDS.prefix)));
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

const NOTHING = Buffer.alloc(0);

/** Reads a block that is not all zero. */
export function parseHeader(block: Buffer, at: number): Header {
  const corrupt = (problem: string): FormatError => tarProblem('ERR_OVERLAY_TAR_CORRUPT', at, problem);
  const number = (field: 'mode' | 'uid' | 'gid' | 'size' | 'mtime' | 'devmajor' | 'devminor'): number => {
    const value = parseNumberField(block.subarray(...FIELDS[field]));
    if (value === undefined) throw corrupt(`the header's ${field} is no number`);
    if (value < 0 && field !== 'mtime') throw corrupt(`the header's ${field} is negative`);
    return value;
  };
  const sum = parseNumberField(block.subarray(...FIELDS.checksum));
  const { unsigned, signed } = checksumOf(block);
  if (sum !== unsigned && sum !== signed)
    throw corrupt('there should be a header, and its checksum is wrong');
  const dialect = dialectOf(block);
  const type = block.toString('latin1', ...FIELDS.type);
  const isDevice = (type === '3' || type === '4') && dialect !== 'v7';
  return {
    at,
    type,
    name: nameIn(block, dialect),
    mode: number('mode'),
    uid: number('uid'),
    gid: number('gid'),
    size: number('size'),
    mtime: number('mtime'),
    linkname: untilNul(block.subarray(...FIELDS.linkname)),
    uname: dialect === 'v7' ? NOTHING : untilNul(block.subarray(...FIELDS.uname)),
    gname: dialect === 'v7' ? NOTHING : untilNul(block.subarray(...FIELDS.gname)),
    device: isDevice ? { major: number('devmajor'), minor: number('devminor') } : { major: 0, minor: 0 },
  };
}
