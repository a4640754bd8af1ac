// What a btrfs has allocated, and has left to allocate, asked of the kernel; and the limit of a qgroup.
import {
  DEV_INFO_SIZE,
  decodeLastDevice,
  decodeSlotCount,
  decodeSpaces,
  decodeUnallocated,
  encodeDeviceRequest,
  encodeQgroupLimit,
  encodeSpaceRequest,
  FS_INFO_SIZE,
  QGROUP_LIMIT_SIZE,
  type SpaceInfo,
} from '../../format/btrfs/space.ts';
import { call } from '../call.ts';
import { ENODEV } from '../errno.ts';
import { ioctlNumber } from '../ioctl-number.ts';
import { KernelError } from '../kernel-error.ts';
import type { Routine } from '../routine.ts';
import { BTRFS } from './subvolumes.ts';

const SPACE_INFO = ioctlNumber('both', BTRFS, 20, 16);
const FS_INFO = ioctlNumber('out', BTRFS, 31, FS_INFO_SIZE);
const DEV_INFO = ioctlNumber('both', BTRFS, 30, DEV_INFO_SIZE);
// The kernel reads it, whatever its number says.
const QGROUP_LIMIT = ioctlNumber('out', BTRFS, 43, QGROUP_LIMIT_SIZE);

export interface Space extends SpaceInfo {
  /** Of all devices. */
  readonly unallocated: number;
}

/** Needs no privilege. */
export function* readSpace(fd: number): Routine<Space> {
  const slots = decodeSlotCount(yield* call('ioctl', fd, SPACE_INFO, encodeSpaceRequest(0)));
  const info = decodeSpaces(yield* call('ioctl', fd, SPACE_INFO, encodeSpaceRequest(slots)));
  const last = decodeLastDevice(yield* call('ioctl', fd, FS_INFO, Buffer.alloc(FS_INFO_SIZE)));
  let unallocated = 0;
  for (let id = 1n; id <= last; id++) {
    try {
      unallocated += decodeUnallocated(yield* call('ioctl', fd, DEV_INFO, encodeDeviceRequest(id)));
    } catch (error) {
      // Ids of removed devices are not used again.
      if (!(error instanceof KernelError) || error.errno !== -ENODEV) throw error;
    }
  }
  return { ...info, unallocated };
}

/** How many bytes a subvolume may have for itself. */
export function* limitQgroup(fd: number, id: bigint, bytes: number): Routine<void> {
  yield* call('ioctl', fd, QGROUP_LIMIT, encodeQgroupLimit(id, bytes));
}
