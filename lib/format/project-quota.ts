// Project quotas: the structures by which files get a project, and a project gets limits. Source: linux/fs.h, quotactl(2).
import { HOST_IS_LITTLE_ENDIAN } from './statmount.ts';

/** struct fsxattr. */
export const FSXATTR_SIZE = 28;
const FLAGS = 0;
const PROJECT = 12;
const PROJECT_INHERIT = 0x200;

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** What a file has, with this project, and so that what is made in it gets the same. */
export function withProject(fsxattr: Uint8Array, project: number): Buffer {
  const bytes = Buffer.copyBytesFrom(fsxattr);
  const view = viewOf(bytes);
  view.setUint32(
    FLAGS,
    view.getUint32(FLAGS, HOST_IS_LITTLE_ENDIAN) | PROJECT_INHERIT,
    HOST_IS_LITTLE_ENDIAN,
  );
  view.setUint32(PROJECT, project, HOST_IS_LITTLE_ENDIAN);
  return bytes;
}

export function projectIn(fsxattr: Uint8Array): number {
  return viewOf(fsxattr).getUint32(PROJECT, HOST_IS_LITTLE_ENDIAN);
}

/** struct if_dqblk of linux/quota.h. */
export const DQBLK_SIZE = 72;
/** Limits of bytes are in blocks of this. */
const BLOCK = 1024;
const BYTES_HARD = 0;
const BYTES_SOFT = 8;
const BYTES_USED = 16;
const INODES_HARD = 24;
const INODES_SOFT = 32;
const INODES_USED = 40;
const VALID = 64;
const LIMITS_OF_BYTES = 1;
const LIMITS_OF_INODES = 4;

/** Hard limits; none is no limit. Bytes are rounded up to whole blocks. */
export function encodeLimits({
  bytes = 0,
  inodes = 0,
}: {
  readonly bytes?: number;
  readonly inodes?: number;
}): Buffer {
  const dqblk = Buffer.alloc(DQBLK_SIZE);
  const view = viewOf(dqblk);
  view.setBigUint64(BYTES_HARD, BigInt(Math.ceil(bytes / BLOCK)), HOST_IS_LITTLE_ENDIAN);
  view.setBigUint64(INODES_HARD, BigInt(inodes), HOST_IS_LITTLE_ENDIAN);
  view.setUint32(VALID, LIMITS_OF_BYTES | LIMITS_OF_INODES, HOST_IS_LITTLE_ENDIAN);
  return dqblk;
}

/** Whether a project has neither limits nor files. */
export function isUnusedProject(dqblk: Uint8Array): boolean {
  const view = viewOf(dqblk);
  return [BYTES_HARD, BYTES_SOFT, BYTES_USED, INODES_HARD, INODES_SOFT, INODES_USED].every(
    (at) => view.getBigUint64(at, HOST_IS_LITTLE_ENDIAN) === 0n,
  );
}
