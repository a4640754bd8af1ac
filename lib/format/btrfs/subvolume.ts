// The structures by which subvolumes are made, destroyed and described. Source: linux/btrfs.h.
import { Words } from './words.ts';

/** struct btrfs_ioctl_vol_args_v2, and with it half of the calls. */
export const VOL_ARGS_SIZE = 4096;
const FD = 0;
const FLAGS = 16;
const NAME = 56;
const LONGEST_NAME = 255;

export const SUBVOL_RDONLY: bigint = 1n << 1n;
const SUBVOL_SPEC_BY_ID = 1n << 4n;

function namedArgs(name: string, source: number, flags: bigint): Words {
  const bytes = Buffer.from(name);
  if (bytes.length > LONGEST_NAME)
    throw new RangeError(`a subvolume's name has at most ${LONGEST_NAME} bytes`);
  const words = new Words(VOL_ARGS_SIZE).set64(FD, source).set64(FLAGS, flags);
  bytes.copy(words.bytes, NAME);
  return words;
}

/** For BTRFS_IOC_SUBVOL_CREATE_V2 on the directory that gets it. */
export function createArgs(name: string): Buffer {
  return namedArgs(name, 0, 0n).bytes;
}

/** For BTRFS_IOC_SNAP_CREATE_V2 on the directory that gets it; `source` is a descriptor of what is to be the same. */
export function snapshotArgs(name: string, source: number, readOnly: boolean): Buffer {
  return namedArgs(name, source, readOnly ? SUBVOL_RDONLY : 0n).bytes;
}

/** For BTRFS_IOC_SNAP_DESTROY_V2 on any descriptor of the filesystem. */
export function destroyArgs(id: bigint): Buffer {
  return new Words(VOL_ARGS_SIZE).set64(FLAGS, SUBVOL_SPEC_BY_ID).set64(NAME, id).bytes;
}

/** struct btrfs_ioctl_get_subvol_info_args. */
export const SUBVOL_INFO_SIZE = 504;

export interface SubvolumeInfo {
  readonly id: bigint;
  /** The transaction of the last change to what is in it. */
  readonly changed: bigint;
  /** The transaction that made it. */
  readonly made: bigint;
  readonly readOnly: boolean;
}

export function decodeSubvolumeInfo(bytes: Uint8Array): SubvolumeInfo {
  const words = new Words(bytes);
  // Behind the tree's id, a name of 256 bytes, parent, directory and generation.
  const flags = words.u64(288);
  return { id: words.u64(0), changed: words.u64(344), made: words.u64(352), readOnly: (flags & 1n) !== 0n };
}
