// The file handle in an origin or upper attribute of overlay: which directory an upper, or an index, belongs to.

import { decodeFileHandle } from './file-handle.ts';

/** What can be read of it. Handles are the filesystem's own, so that only those of well-known forms name an inode. */
export interface Origin {
  /** Absent for a form that is not known. */
  readonly inode: bigint | undefined;
}

// include/linux/exportfs.h
const FILEID_INO32_GEN = 1;
const FILEID_INO32_GEN_PARENT = 2;
const FILEID_BTRFS_WITHOUT_PARENT = 0x4d;
const FILEID_INO64_GEN = 0x81;
const FILEID_INO64_GEN_PARENT = 0x82;

function inodeIn(type: number, view: DataView, little: boolean): bigint | undefined {
  const size = view.byteLength;
  if (type === FILEID_INO32_GEN && size === 12) {
    // tmpfs: generation, then the inode's two halves.
    return BigInt(view.getUint32(4, little)) | (BigInt(view.getUint32(8, little)) << 32n);
  }
  if ((type === FILEID_INO32_GEN || type === FILEID_INO32_GEN_PARENT) && size >= 8) {
    return BigInt(view.getUint32(0, little));
  }
  const is64 = [FILEID_BTRFS_WITHOUT_PARENT, FILEID_INO64_GEN, FILEID_INO64_GEN_PARENT].includes(type);
  return is64 && size >= 12 ? view.getBigUint64(0, little) : undefined;
}

/** Decodes the attribute's value; undefined when it is none, or one that the kernel takes for no origin. */
export function decodeOrigin(value: Uint8Array): Origin | undefined {
  const decoded = decodeFileHandle(value);
  if (decoded === undefined || decoded === 'unknown') return undefined;
  const { type, handle, order } = decoded;
  const view = new DataView(handle.buffer, handle.byteOffset, handle.length);
  return { inode: inodeIn(type, view, order !== 'big') };
}
