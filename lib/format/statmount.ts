// The structures of statmount(2) and listmount(2): what is asked for, and the answers decoded.
//
// Source: include/uapi/linux/mount.h of Linux 6.18; the listed offsets are checked against a buffer of a real kernel.

import { PROPAGATION_FLAGS } from './attributes.ts';
import { FormatError } from './format-error.ts';
import type { Propagation } from './mount-spec.ts';

/** True where the bytes of a number lie lowest first, as on all but s390x of the machines that we build for. */
export const HOST_IS_LITTLE_ENDIAN: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

// What may be asked for with `param`, and what the answer's `mask` says was given.
export const STATMOUNT_SB_BASIC = 0x1;
export const STATMOUNT_MNT_BASIC = 0x2;
export const STATMOUNT_PROPAGATE_FROM = 0x4;
export const STATMOUNT_MNT_ROOT = 0x8;
export const STATMOUNT_MNT_POINT = 0x10;
export const STATMOUNT_FS_TYPE = 0x20;
export const STATMOUNT_MNT_NS_ID = 0x40;
export const STATMOUNT_MNT_OPTS = 0x80;
export const STATMOUNT_FS_SUBTYPE = 0x100;
export const STATMOUNT_SB_SOURCE = 0x200;
export const STATMOUNT_OPT_ARRAY = 0x400;
export const STATMOUNT_OPT_SEC_ARRAY = 0x800;
export const STATMOUNT_SUPPORTED_MASK = 0x1000;
export const STATMOUNT_MNT_UIDMAP = 0x2000;
export const STATMOUNT_MNT_GIDMAP = 0x4000;

/** All that `decodeStatmount` reads. Kernels leave out what they do not know: see the answer's `mask`. */
export const STATMOUNT_OVERLAY: number =
  STATMOUNT_SB_BASIC |
  STATMOUNT_MNT_BASIC |
  STATMOUNT_PROPAGATE_FROM |
  STATMOUNT_MNT_ROOT |
  STATMOUNT_MNT_POINT |
  STATMOUNT_FS_TYPE |
  STATMOUNT_MNT_NS_ID |
  STATMOUNT_MNT_OPTS |
  STATMOUNT_SB_SOURCE;

/** listmount(2)'s id of the root mount: everything in the namespace. */
export const LSMT_ROOT: bigint = 0xffffffffffffffffn;

const REQUEST_SIZE_VER0 = 24;
const REQUEST_SIZE_VER1 = 32;

/**
 * `struct mnt_id_req`: for statmount(2) `param` is the mask of what is wanted, for listmount(2) the last id that was listed.
 *
 * @param id the unique mount id (`STATX_MNT_ID_UNIQUE`), not the one of mountinfo
 * @param namespaceId another mount namespace than the caller's (Linux 6.11)
 */
export function encodeMntIdReq(
  id: bigint,
  param: bigint,
  namespaceId?: bigint,
  littleEndian: boolean = HOST_IS_LITTLE_ENDIAN,
): Uint8Array {
  const size = namespaceId === undefined ? REQUEST_SIZE_VER0 : REQUEST_SIZE_VER1;
  const request = new Uint8Array(size);
  const view = new DataView(request.buffer);
  view.setUint32(0, size, littleEndian);
  view.setBigUint64(8, id, littleEndian);
  view.setBigUint64(16, param, littleEndian);
  if (namespaceId !== undefined) view.setBigUint64(24, namespaceId, littleEndian);
  return request;
}

/** The ids that listmount(2) wrote: the first `count` numbers of the buffer. */
export function decodeListmount(
  buffer: Uint8Array,
  count: number,
  littleEndian: boolean = HOST_IS_LITTLE_ENDIAN,
): bigint[] {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  return Array.from({ length: count }, (_, i) => view.getBigUint64(i * 8, littleEndian));
}

/** `struct statmount` decoded. A string is absent when the kernel gave none: an empty source is absent too. */
export interface Statmount {
  /** STATMOUNT_* of what follows. */
  readonly mask: number;
  readonly major: number;
  readonly minor: number;
  /** The `f_type` of statfs(2). */
  readonly sbMagic: number;
  /** SB_RDONLY 1, SB_SYNCHRONOUS 16, SB_DIRSYNC 128, SB_LAZYTIME 1<<25; the second argument of `describeOverlay`. */
  readonly sbFlags: number;
  /** Unique while the machine runs, unlike `oldMntId`. */
  readonly mntId: bigint;
  readonly parentId: bigint;
  /** The id in mountinfo. */
  readonly oldMntId: number;
  readonly oldParentId: number;
  /** MOUNT_ATTR_* bits, for `fsmountBitsToAttributes`. */
  readonly attributes: number;
  /** MS_* propagation bits, for `flagsToPropagation`. */
  readonly propagation: bigint;
  readonly peerGroup: bigint;
  readonly master: bigint;
  readonly propagateFrom: bigint;
  readonly namespaceId: bigint;
  readonly fsType?: string;
  /** The directory of the filesystem that is the mount's root; no escapes. */
  readonly root?: Buffer;
  /** The mount point; no escapes. */
  readonly target?: Buffer;
  readonly source?: Buffer;
  /** The filesystem's own options, with the octal escapes of mountinfo, but without its `ro` or `rw`. */
  readonly superOptions?: Buffer;
}

/** Where the strings begin: the size of the structure's fixed part. */
const STRINGS = 512;

/**
 * What statmount(2) wrote.
 *
 * @throws {FormatError} `ERR_OVERLAY_KERNEL_TEXT` when the buffer ends before the structure does
 */
export function decodeStatmount(
  buffer: Uint8Array,
  littleEndian: boolean = HOST_IS_LITTLE_ENDIAN,
): Statmount {
  const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const size = bytes.length < STRINGS ? 0 : view.getUint32(0, littleEndian);
  if (size < STRINGS || size > bytes.length) {
    throw new FormatError('ERR_OVERLAY_KERNEL_TEXT', `statmount: ${bytes.length} bytes are no whole answer`, {
      hint: 'pass the whole buffer that statmount(2) filled',
    });
  }
  const u32 = (at: number): number => view.getUint32(at, littleEndian);
  const u64 = (at: number): bigint => view.getBigUint64(at, littleEndian);
  const mask = Number(u64(8));
  const string = (bit: number, at: number): Buffer | undefined => {
    if ((mask & bit) === 0) return undefined;
    const start = Math.min(STRINGS + u32(at), size);
    const end = bytes.indexOf(0, start);
    return bytes.subarray(start, end < 0 || end > size ? size : end);
  };
  const strings = {
    fsType: string(STATMOUNT_FS_TYPE, 36)?.toString('utf8'),
    root: string(STATMOUNT_MNT_ROOT, 104),
    target: string(STATMOUNT_MNT_POINT, 108),
    source: string(STATMOUNT_SB_SOURCE, 124),
    superOptions: string(STATMOUNT_MNT_OPTS, 4),
  };
  return {
    mask,
    major: u32(16),
    minor: u32(20),
    sbMagic: Number(u64(24)),
    sbFlags: u32(32),
    mntId: u64(40),
    parentId: u64(48),
    oldMntId: u32(56),
    oldParentId: u32(60),
    attributes: Number(u64(64)),
    propagation: u64(72),
    peerGroup: u64(80),
    master: u64(88),
    propagateFrom: u64(96),
    namespaceId: u64(112),
    ...(Object.fromEntries(
      Object.entries(strings).filter(([, value]) => value !== undefined),
    ) as Partial<Statmount>),
  };
}

/** The kind of propagation that MS_* bits stand for; a slave that shares on counts as shared. */
export function flagsToPropagation(flags: bigint): Propagation {
  const bits = Number(flags);
  for (const kind of ['shared', 'slave', 'unbindable'] as const) {
    if ((bits & PROPAGATION_FLAGS[kind]) !== 0) return kind;
  }
  return 'private';
}
