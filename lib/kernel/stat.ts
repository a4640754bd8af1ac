// What statx(2) and statfs(2) say of a file, decoded from the kernel's structs (linux/stat.h).
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import { S_IFDIR, S_IFMT, STATX_MNT_ID, STATX_MNT_ID_UNIQUE } from './constants.ts';

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// Offsets in struct statx.
const INODE = 32;
const SIZE = 40;
const DEVICE = 136;
/** Where the mount's id stands, 8 bytes: the unique one when the kernel knows it and was asked. */
export const MOUNT_ID_OFFSET = 144;

/** What to ask statx(2) for: the unique id where the kernel has it (Linux 6.8), else that of mountinfo. */
export const STATX_BEST_MNT_ID: number = STATX_MNT_ID | STATX_MNT_ID_UNIQUE;

/** The mount's id as the kernel has it, for comparing. */
export function mountIdIn(statx: Buffer): Buffer {
  return statx.subarray(MOUNT_ID_OFFSET, MOUNT_ID_OFFSET + 8);
}

/** The same as a number. */
export function mountIdNumber(id: Buffer): bigint {
  return HOST_IS_LITTLE_ENDIAN ? id.readBigUInt64LE() : id.readBigUInt64BE();
}

/** The 64-bit word of struct statx that holds the mode, and where the mode's bits are in it. */
export const MODE_WORD_OFFSET = 24;

/** Bits of a mode as bits of that word. */
export function modeBits(mode: number): bigint {
  return BigInt(mode) << (HOST_IS_LITTLE_ENDIAN ? 32n : 16n);
}

/** The size of the file in bytes. */
export function sizeIn(statx: Uint8Array): number {
  return Number(viewOf(statx).getBigUint64(SIZE, HOST_IS_LITTLE_ENDIAN));
}

const ATIME = 64;
const MTIME = 112;
const STATX_SIZE = 256;
// linux/stat.h: in the place of nanoseconds, that a time is to stay.
const UTIME_OMIT = 0x3fff_fffe;
const BILLION = 1_000_000_000n;

/** A struct statx that `utimensat_of` gives a file its mtime from, in nanoseconds since 1970; the atime stays. */
export function statxWithMtime(mtime: bigint): Buffer {
  const statx = Buffer.alloc(STATX_SIZE);
  const view = viewOf(statx);
  const nanoseconds = ((mtime % BILLION) + BILLION) % BILLION;
  view.setUint32(ATIME + 8, UTIME_OMIT, HOST_IS_LITTLE_ENDIAN);
  view.setBigInt64(MTIME, (mtime - nanoseconds) / BILLION, HOST_IS_LITTLE_ENDIAN);
  view.setUint32(MTIME + 8, Number(nanoseconds), HOST_IS_LITTLE_ENDIAN);
  return statx;
}

export interface Stat {
  readonly attributes: bigint;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly inode: bigint;
  /** Device numbers of the filesystem the file is on. */
  readonly device: { readonly major: number; readonly minor: number };
  /** Of a device file. */
  readonly rdev: { readonly major: number; readonly minor: number };
  readonly mountId: bigint;
  readonly isDirectory: boolean;
}

/** Decodes struct statx. Source: statx(2). */
export function decodeStat(bytes: Uint8Array): Stat {
  const view = viewOf(bytes);
  const word = (offset: number) => view.getUint32(offset, HOST_IS_LITTLE_ENDIAN);
  const mode = view.getUint16(28, HOST_IS_LITTLE_ENDIAN);
  return {
    attributes: view.getBigUint64(8, HOST_IS_LITTLE_ENDIAN),
    links: word(16),
    uid: word(20),
    gid: word(24),
    mode,
    inode: view.getBigUint64(INODE, HOST_IS_LITTLE_ENDIAN),
    device: { major: word(DEVICE), minor: word(DEVICE + 4) },
    rdev: { major: word(128), minor: word(132) },
    mountId: view.getBigUint64(MOUNT_ID_OFFSET, HOST_IS_LITTLE_ENDIAN),
    isDirectory: (mode & S_IFMT) === S_IFDIR,
  };
}

// Where struct statx has it (linux/stat.h).
const BORN = 80;

/** When a file was made, in nanoseconds; 0 when the filesystem does not tell. */
export function bornIn(statx: Uint8Array): bigint {
  const view = viewOf(statx);
  const seconds = view.getBigInt64(BORN, HOST_IS_LITTLE_ENDIAN);
  return seconds * 1_000_000_000n + BigInt(view.getUint32(BORN + 8, HOST_IS_LITTLE_ENDIAN));
}

/** Inode and device, 16 bytes as `require_other_file` compares them. */
export function identityOf(statx: Uint8Array): Buffer {
  return Buffer.concat([statx.subarray(INODE, INODE + 8), statx.subarray(DEVICE, DEVICE + 8)]);
}

export interface FileSystemStat {
  /** The magic number, such as OVERLAYFS_SUPER_MAGIC. */
  readonly type: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly free: number;
  readonly available: number;
  readonly files: number;
  readonly filesFree: number;
  /** ST_* bits. */
  readonly flags: number;
}

/** Where `flags` stands in them. */
export const FILESYSTEM_FLAGS_OFFSET = 56;

/** Decodes the eight words of native/file_calls.cc's fstatfs. Source: statfs(2). */
export function decodeFileSystemStat(bytes: Uint8Array): FileSystemStat {
  const view = viewOf(bytes);
  const word = (index: number) => Number(view.getBigUint64(index * 8, HOST_IS_LITTLE_ENDIAN));
  return {
    type: word(0),
    blockSize: word(1),
    blocks: word(2),
    free: word(3),
    available: word(4),
    files: word(5),
    filesFree: word(6),
    flags: word(7),
  };
}
