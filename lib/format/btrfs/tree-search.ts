// Looking for items in btrfs's trees, and the items that matter here. Source: linux/btrfs.h, linux/btrfs_tree.h.
import { Words } from './words.ts';

/** The part of struct btrfs_ioctl_search_args_v2 before its buffer. */
export const SEARCH_ARGS_SIZE = 112;
const BUFFER_SIZE = 104;
const ITEM_HEADER = 32;

export const ROOT_TREE = 1n;
export const QUOTA_TREE = 8n;

export const INODE_ITEM = 1;
export const EXTENT_DATA = 108;
export const ROOT_ITEM = 132;
export const ROOT_REF = 156;
export const QGROUP_STATUS = 240;
export const QGROUP_INFO = 242;

const MOST = (1n << 64n) - 1n;

/** A place in a tree. */
export interface Key {
  readonly objectid: bigint;
  readonly type: number;
  readonly offset: bigint;
}

export interface Search {
  readonly tree: bigint;
  readonly from: Key;
  readonly to: Key;
  /** Only what lies in a leaf that this transaction, or a later one, has written. */
  readonly since?: bigint;
}

export interface Item extends Key {
  readonly data: Buffer;
}

/** From the first to the last key of these types and objects. */
export function range(tree: bigint, type: number, from: bigint, to: bigint = from, since?: bigint): Search {
  return {
    tree,
    from: { objectid: from, type, offset: 0n },
    to: { objectid: to, type, offset: MOST },
    ...(since === undefined ? {} : { since }),
  };
}

export function encodeSearch({ tree, from, to, since = 0n }: Search, room: number): Buffer {
  const words = new Words(SEARCH_ARGS_SIZE + room);
  words.set64(0, tree).set64(8, from.objectid).set64(16, to.objectid);
  words.set64(24, from.offset).set64(32, to.offset);
  words.set64(40, since).set64(48, MOST);
  words.set32(56, from.type).set32(60, to.type);
  words.set32(64, 0xffff_ffff);
  return words.set64(BUFFER_SIZE, room).bytes;
}

/** The items that were found, in the order of their keys. */
export function decodeItems(bytes: Uint8Array): Item[] {
  const words = new Words(bytes);
  const items: Item[] = [];
  let at = SEARCH_ARGS_SIZE;
  for (let left = words.u32(64); left > 0; left--) {
    const length = words.u32(at + 28);
    const start = at + ITEM_HEADER;
    items.push({
      objectid: words.u64(at + 8),
      offset: words.u64(at + 16),
      type: words.u32(at + 24),
      data: words.bytes.subarray(start, start + length),
    });
    at = start + length;
  }
  return items;
}

/** The key behind that one; undefined when there is none. */
export function after({ objectid, type, offset }: Key): Key | undefined {
  if (offset < MOST) return { objectid, type, offset: offset + 1n };
  if (type < 255) return { objectid, type: type + 1, offset: 0n };
  return objectid < MOST ? { objectid: objectid + 1n, type: 0, offset: 0n } : undefined;
}

/** Where a subvolume lies in another: struct btrfs_root_ref. The item's offset is its id. */
export interface RootRef {
  readonly directory: bigint;
  readonly name: Buffer;
}

export function decodeRootRef(data: Buffer): RootRef {
  const length = data.readUInt16LE(16);
  return { directory: data.readBigUInt64LE(0), name: data.subarray(18, 18 + length) };
}

/** Of a file: what an extent takes on the disk; struct btrfs_file_extent_item. */
export interface FileExtent {
  /** The transaction that wrote it. */
  readonly made: bigint;
  /** Undefined for one that lies in the tree itself. */
  readonly at: bigint | undefined;
  readonly bytes: number;
}

const INLINE = 0;

/** Undefined for a hole. */
export function decodeFileExtent(data: Buffer): FileExtent | undefined {
  const made = data.readBigUInt64LE(0);
  if (data[20] === INLINE) return { made, at: undefined, bytes: data.length - 21 };
  const at = data.readBigUInt64LE(21);
  return at === 0n ? undefined : { made, at, bytes: Number(data.readBigUInt64LE(29)) };
}

/** The transaction in which an inode was made; struct btrfs_inode_item. */
export function decodeInodeMade(data: Buffer): bigint {
  return data.readBigUInt64LE(0);
}

/** What a qgroup counts; struct btrfs_qgroup_info_item. */
export interface QgroupCount {
  readonly referenced: number;
  readonly exclusive: number;
}

export function decodeQgroupInfo(data: Buffer): QgroupCount {
  return { referenced: Number(data.readBigUInt64LE(8)), exclusive: Number(data.readBigUInt64LE(24)) };
}

/** Whether quotas count: they are on, and not being counted anew; struct btrfs_qgroup_status_item. */
export function decodeQgroupStatus(data: Buffer): boolean {
  const flags = data.readBigUInt64LE(16);
  const [on, rescan, inconsistent] = [1n, 2n, 4n];
  return (flags & on) !== 0n && (flags & (rescan | inconsistent)) === 0n;
}
