// Which filesystem a directory is on, and what room it has.
import { type MountinfoEntry, parseMountinfo } from '../../format/mountinfo.ts';
import { call } from '../call.ts';
import { AT_EMPTY_PATH, ST_RDONLY, STATX_BASIC_STATS, STATX_MNT_ID } from '../constants.ts';
import { readIfPossible } from '../files.ts';
import type { Routine } from '../routine.ts';
import { decodeFileSystemStat, decodeStat } from '../stat.ts';

export interface FilesystemFacts {
  /** The kernel's name (`ext4`, `fuse.bindfs`); of a detached mount the family that `magic` tells, or undefined. */
  readonly type: string | undefined;
  /** f_type of statfs(2). */
  readonly magic: number;
  /** Device as `major:minor`. */
  readonly device: string;
  /** The filesystem, or the mount that the directory was reached through. */
  readonly readOnly: boolean;
  /** Bytes that an ordinary user may still write. */
  readonly freeBytes: number;
  /** Files that can still be made; undefined where there is no limit, as on btrfs. */
  readonly freeInodes: number | undefined;
}

// linux/magic.h; ext2, ext3 and ext4 have one number.
const families: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2240043254: 'ramfs',
  2035054128: 'overlay',
  1702057286: 'fuse',
  26985: 'nfs',
  1936814952: 'squashfs',
  3774210530: 'erofs',
  4076150800: 'f2fs',
  19780: 'vfat',
  40864: 'proc',
  1650812274: 'sysfs',
};

/** The type by mountinfo, which knows names that numbers do not; else by the number. */
export function typeOf(
  entries: readonly MountinfoEntry[],
  mountId: number,
  magic: number,
): string | undefined {
  return entries.find(({ id }) => id === mountId)?.fsType ?? families[magic];
}

/** `directory`: a descriptor, O_PATH or not. Throws KernelError. */
export function* readFilesystem(directory: number): Routine<FilesystemFacts> {
  const space = decodeFileSystemStat(yield* call('fstatfs', directory));
  const stat = decodeStat(
    yield* call('statx', directory, '', AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID),
  );
  const mountinfo = yield* readIfPossible('/proc/self/mountinfo');
  return {
    type: typeOf(parseMountinfo(mountinfo ?? new Uint8Array()), Number(stat.mountId), space.type),
    magic: space.type,
    device: `${stat.device.major}:${stat.device.minor}`,
    readOnly: (space.flags & ST_RDONLY) !== 0,
    freeBytes: space.available * space.blockSize,
    freeInodes: space.files === 0 ? undefined : space.filesFree,
  };
}
