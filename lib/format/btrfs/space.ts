// What btrfs has allocated for data and metadata, and what it uses of that. Source: linux/btrfs.h, linux/btrfs_tree.h.
import { Words } from './words.ts';

const SLOT = 24;
const HEADER = 16;

const DATA = 1n << 0n;
const SYSTEM = 1n << 1n;
const METADATA = 1n << 2n;
const GLOBAL_RESERVE = 1n << 49n;
/** Profiles that keep everything twice (RAID1, RAID10, DUP), three and four times. */
const TWICE = (1n << 4n) | (1n << 6n) | (1n << 5n);
const THRICE = 1n << 9n;
const FOUR_TIMES = 1n << 10n;

/** In bytes, each once, whatever the number of copies. */
export interface Amount {
  readonly allocated: number;
  readonly used: number;
  /** Copies on the disk. */
  readonly copies: number;
}

export interface SpaceInfo {
  readonly data: Amount;
  readonly metadata: Amount;
  readonly system: Amount;
  /** Of the metadata, what the kernel keeps for itself, so that it can still delete when all is full. */
  readonly reserve: number;
}

/** The request for so many slots; none asks how many there are. */
export function encodeSpaceRequest(slots: number): Buffer {
  return new Words(HEADER + slots * SLOT).set64(0, slots).bytes;
}

export function decodeSlotCount(bytes: Uint8Array): number {
  return Number(new Words(bytes).u64(8));
}

const copiesOf = (flags: bigint) =>
  (flags & TWICE) !== 0n ? 2 : (flags & THRICE) !== 0n ? 3 : (flags & FOUR_TIMES) !== 0n ? 4 : 1;

export function decodeSpaces(bytes: Uint8Array): SpaceInfo {
  const words = new Words(bytes);
  const nothing: Amount = { allocated: 0, used: 0, copies: 1 };
  const found = { data: nothing, metadata: nothing, system: nothing };
  let reserve = 0;
  const add = (kind: keyof typeof found, flags: bigint, allocated: number, used: number) => {
    const before = found[kind];
    const copies = Math.max(before.copies, copiesOf(flags));
    found[kind] = { allocated: before.allocated + allocated, used: before.used + used, copies };
  };
  for (let i = 0; i < decodeSlotCount(bytes); i++) {
    const at = HEADER + i * SLOT;
    const [flags, allocated, used] = [words.u64(at), Number(words.u64(at + 8)), Number(words.u64(at + 16))];
    if ((flags & GLOBAL_RESERVE) !== 0n) reserve += allocated;
    // Mixed block groups have both, and count once.
    else if ((flags & METADATA) !== 0n) add('metadata', flags, allocated, used);
    else if ((flags & DATA) !== 0n) add('data', flags, allocated, used);
    else if ((flags & SYSTEM) !== 0n) add('system', flags, allocated, used);
  }
  return { ...found, reserve };
}

export const FS_INFO_SIZE = 1024;
export const DEV_INFO_SIZE = 4096;

/** The highest id of a device. */
export function decodeLastDevice(bytes: Uint8Array): bigint {
  return new Words(bytes).u64(0);
}

export function encodeDeviceRequest(id: bigint): Buffer {
  return new Words(DEV_INFO_SIZE).set64(0, id).bytes;
}

/** Bytes of a device that no block group has. */
export function decodeUnallocated(bytes: Uint8Array): number {
  const words = new Words(bytes);
  return Number(words.u64(32) - words.u64(24));
}

/** For BTRFS_IOC_QGROUP_LIMIT: bytes that the qgroup may have for itself. */
export const QGROUP_LIMIT_SIZE = 48;
const LIMIT_EXCLUSIVE = 1n << 1n;

export function encodeQgroupLimit(id: bigint, exclusive: number): Buffer {
  return new Words(QGROUP_LIMIT_SIZE).set64(0, id).set64(8, LIMIT_EXCLUSIVE).set64(24, exclusive).bytes;
}
