// The file handle in an origin or upper attribute of overlay: which directory an upper, or an index, belongs to.

/** What can be read of it. Handles are the filesystem's own, so that only those of well-known forms name an inode. */
export interface Origin {
  /** Absent for a form that is not known. */
  readonly inode: bigint | undefined;
}

// struct ovl_fb of fs/overlayfs/overlayfs.h: version, magic, length, flags, type, uuid[16], then the handle.
const MAGIC = 0xfb;
const BIG_ENDIAN = 1;
const HEADER = 21;

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

/** Decodes the attribute's value; undefined when it is none, or the empty one that says that there is no origin. */
export function decodeOrigin(value: Uint8Array): Origin | undefined {
  if (value.length < HEADER || value[1] !== MAGIC || value[2]! > value.length) return undefined;
  const little = (value[3]! & BIG_ENDIAN) === 0;
  const view = new DataView(value.buffer, value.byteOffset + HEADER, value[2]! - HEADER);
  return { inode: inodeIn(value[4]!, view, little) };
}
