// What a scan tells of an entry, decoded from the words that native/scan_directory.h describes.
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import { S_IFDIR, S_IFMT } from './constants.ts';

/** Which call could not be made for an entry. ENOENT: it vanished after its name was read. */
export interface ScanFailure {
  /** Positive, as in errno(3). */
  readonly errno: number;
  readonly syscall: 'statx' | 'listxattr' | 'getxattr';
}

interface Scanned {
  /** One path component; empty for a descriptor itself. A view of the batch, which it keeps in memory. */
  readonly name: Buffer;
  /** Names as latin1 text, one character a byte; values are views of the batch. */
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

/** An entry of which everything is known. */
export interface ReadEntry extends Scanned {
  readonly error: undefined;
  readonly stat: EntryStat;
}

/** An entry of which something could not be read: `stat` is there unless statx(2) failed, `xattrs` may lack some. */
export interface UnreadEntry extends Scanned {
  readonly error: ScanFailure;
  readonly stat: EntryStat | undefined;
}

export type ScannedEntry = ReadEntry | UnreadEntry;

const STEPS = ['statx', 'listxattr', 'getxattr'] as const;

// Words of an entry's head, of struct statx behind it (linux/stat.h), and of the name.
const LENGTH = 0;
const ERRNO = 1;
const FAILED = 2;
const NAME_LENGTH = 3;
const XATTRS = 4;
const STATX = 5;
const NAME = STATX + 152 / 4;

const LOW = HOST_IS_LITTLE_ENDIAN ? 0 : 1;
const HIGH = 1 - LOW;

/** What statx(2) says, read when it is asked for: most callers want a few of the fields of each of many entries. */
export class EntryStat {
  readonly #words: Uint32Array;
  readonly #at: number;

  constructor(words: Uint32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  #word(index: number): number {
    return this.#words[this.#at + index]!;
  }

  #long(index: number): bigint {
    return (BigInt(this.#word(index + HIGH)) << 32n) | BigInt(this.#word(index + LOW));
  }

  #nanoseconds(index: number): bigint {
    return BigInt.asIntN(64, this.#long(index)) * 1_000_000_000n + BigInt(this.#word(index + 2));
  }

  /** STATX_ATTR_* bits of the first 32, which hold all that exist. */
  get attributes(): number {
    return this.#word(2 + LOW);
  }
  get nlink(): number {
    return this.#word(4);
  }
  get uid(): number {
    return this.#word(5);
  }
  get gid(): number {
    return this.#word(6);
  }
  /** Type and permissions, as in inode(7). */
  get mode(): number {
    return HOST_IS_LITTLE_ENDIAN ? this.#word(7) & 0xffff : this.#word(7) >>> 16;
  }
  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  get ino(): bigint {
    return this.#long(8);
  }
  /** In bytes. */
  get size(): number {
    return this.#word(10 + HIGH) * 2 ** 32 + this.#word(10 + LOW);
  }
  /** What it takes on the disk, in blocks of 512 bytes. */
  get blocks(): number {
    return this.#word(12 + HIGH) * 2 ** 32 + this.#word(12 + LOW);
  }
  /** In nanoseconds since 1970; negative before. */
  get mtime(): bigint {
    return this.#nanoseconds(28);
  }
  /** In nanoseconds since 1970. */
  get ctime(): bigint {
    return this.#nanoseconds(24);
  }
  /** Of a device file. */
  get rdevMajor(): number {
    return this.#word(32);
  }
  get rdevMinor(): number {
    return this.#word(33);
  }
  /** Of the filesystem that the file is on. */
  get devMajor(): number {
    return this.#word(34);
  }
  get devMinor(): number {
    return this.#word(35);
  }
  /** The unique one where the kernel has it (Linux 6.8), else that of mountinfo. */
  get mountId(): bigint {
    return this.#long(36);
  }
}

const NONE: ReadonlyMap<string, Buffer> = new Map();

export interface Batch {
  /** There is nothing behind these. */
  readonly ended: boolean;
  readonly entries: ScannedEntry[];
}

const wordsOf = (bytes: number) => (bytes + 3) >> 2;

function decodeXattrs(
  bytes: Buffer,
  words: Uint32Array,
  from: number,
  count: number,
): ReadonlyMap<string, Buffer> {
  const xattrs = new Map<string, Buffer>();
  for (let i = 0, at = from; i < count; i++) {
    const [nameLength, valueLength] = [words[at]!, words[at + 1]!];
    const name = (at + 2) * 4;
    const value = name + 4 * wordsOf(nameLength);
    xattrs.set(bytes.toString('latin1', name, name + nameLength), bytes.subarray(value, value + valueLength));
    at += 2 + wordsOf(nameLength) + wordsOf(valueLength);
  }
  return xattrs;
}

function decodeEntry(bytes: Buffer, words: Uint32Array, at: number): ScannedEntry {
  const nameLength = words[at + NAME_LENGTH]!;
  const nameAt = (at + NAME) * 4;
  const name = bytes.subarray(nameAt, nameAt + nameLength);
  const count = words[at + XATTRS]!;
  const xattrs = count === 0 ? NONE : decodeXattrs(bytes, words, at + NAME + wordsOf(nameLength), count);
  const errno = words[at + ERRNO]!;
  const stat = new EntryStat(words, at + STATX);
  if (errno === 0) return { name, xattrs, error: undefined, stat };
  const syscall = STEPS[words[at + FAILED]! - 1]!;
  return { name, xattrs, error: { errno, syscall }, stat: syscall === 'statx' ? undefined : stat };
}

/** Decodes what `scan_directory` and `scan_entries` of the addon give. */
export function decodeBatch(given: Buffer): Batch {
  // Words have to lie at multiples of four.
  const bytes = given.byteOffset % 4 === 0 ? given : Buffer.copyBytesFrom(given);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const entries: ScannedEntry[] = [];
  for (let at = 2; at < words.length; at += words[at + LENGTH]! >> 2) {
    entries.push(decodeEntry(bytes, words, at));
  }
  return { ended: words[0] === 1, entries };
}
