// Subvolumes made, destroyed and described by ioctl(2) on directories of a btrfs. All of it needs CAP_SYS_ADMIN.
import {
  createArgs,
  decodeSubvolumeInfo,
  destroyArgs,
  SUBVOL_INFO_SIZE,
  SUBVOL_RDONLY,
  type SubvolumeInfo,
  snapshotArgs,
  VOL_ARGS_SIZE,
} from '../../format/btrfs/subvolume.ts';
import { Words } from '../../format/btrfs/words.ts';
import { call } from '../call.ts';
import { ioctlNumber } from '../ioctl-number.ts';
import type { Routine } from '../routine.ts';

export const BTRFS = 0x94;
const SUBVOL_CREATE_V2 = ioctlNumber('in', BTRFS, 24, VOL_ARGS_SIZE);
const SNAP_CREATE_V2 = ioctlNumber('in', BTRFS, 23, VOL_ARGS_SIZE);
const SNAP_DESTROY_V2 = ioctlNumber('in', BTRFS, 63, VOL_ARGS_SIZE);
const SUBVOL_GETFLAGS = ioctlNumber('out', BTRFS, 25, 8);
const SUBVOL_SETFLAGS = ioctlNumber('in', BTRFS, 26, 8);
const GET_SUBVOL_INFO = ioctlNumber('out', BTRFS, 60, SUBVOL_INFO_SIZE);
const SYNC = ioctlNumber('none', BTRFS, 8, 0);

/** Makes an empty subvolume in the directory. */
export function* createSubvolume(directory: number, name: string): Routine<void> {
  yield* call('ioctl', directory, SUBVOL_CREATE_V2, createArgs(name));
}

/** Makes a subvolume that is the same as `source` now, but for the subvolumes in that: for them it has empty directories. */
export function* snapshotSubvolume(
  source: number,
  directory: number,
  name: string,
  readOnly: boolean,
): Routine<void> {
  yield* call('ioctl', directory, SNAP_CREATE_V2, snapshotArgs(name, source, readOnly));
}

/** Destroys a subvolume, wherever it lies in the filesystem of `root`, without waiting until its room is free. */
export function* destroySubvolume(root: number, id: bigint): Routine<void> {
  yield* call('ioctl', root, SNAP_DESTROY_V2, destroyArgs(id));
}

/** Of the subvolume that the open directory is the root of. */
export function* subvolumeInfo(subvolume: number): Routine<SubvolumeInfo> {
  return decodeSubvolumeInfo(
    yield* call('ioctl', subvolume, GET_SUBVOL_INFO, Buffer.alloc(SUBVOL_INFO_SIZE)),
  );
}

/** Sets or clears its read-only flag; nothing happens when it is so. */
export function* setReadOnly(subvolume: number, readOnly: boolean): Routine<void> {
  const flags = new Words(yield* call('ioctl', subvolume, SUBVOL_GETFLAGS, Buffer.alloc(8))).u64(0);
  const wanted = readOnly ? flags | SUBVOL_RDONLY : flags & ~SUBVOL_RDONLY;
  if (wanted !== flags) yield* call('ioctl', subvolume, SUBVOL_SETFLAGS, new Words(8).set64(0, wanted).bytes);
}

/** Ends the transaction, and wakes the kernel's thread that frees what was destroyed. */
export function* syncFilesystem(root: number): Routine<void> {
  yield* call('ioctl', root, SYNC, Buffer.alloc(8));
}
