// Where every mount of this namespace is, and of what: little of each, for tables that may have thousands.
import { parseMountinfo } from '../format/mountinfo.ts';
import {
  decodeListmount,
  decodeStatmount,
  STATMOUNT_FS_TYPE,
  STATMOUNT_MNT_BASIC,
  STATMOUNT_MNT_POINT,
  STATMOUNT_MNT_ROOT,
  STATMOUNT_SB_BASIC,
  type Statmount,
} from '../format/statmount.ts';
import { call } from './call.ts';
import { LSMT_ROOT, OVERLAYFS_SUPER_MAGIC } from './constants.ts';
import { ENOENT, ENOSYS, EOVERFLOW } from './errno.ts';
import { readIfPossible } from './files.ts';
import { KernelError } from './kernel-error.ts';
import { MAY_FAIL, Program, WANT } from './program.ts';
import type { Routine } from './routine.ts';

/** So many mounts are asked for at a time. */
const ID_BATCH = 512;

/** The unique ids of all mounts that can be reached, ascending. @throws {KernelError} ENOSYS before Linux 6.8 */
export function* listMountIds(): Routine<bigint[]> {
  const ids: bigint[] = [];
  for (;;) {
    const bytes = yield* call('listmount', LSMT_ROOT, ids.at(-1) ?? 0, ID_BATCH);
    const count = bytes.length / 8;
    ids.push(...decodeListmount(bytes, count));
    if (count < ID_BATCH) return ids;
  }
}

/** Which part of a filesystem a mount shows, and where. */
export interface MountPlace {
  readonly id: bigint;
  readonly isOverlay: boolean;
  readonly fsType: string;
  /** `major:minor` of the filesystem. */
  readonly device: string;
  /** The directory of the filesystem that is the mount's root. */
  readonly root: Buffer;
  readonly target: Buffer;
}

const PLACE_MASK =
  STATMOUNT_SB_BASIC | STATMOUNT_MNT_BASIC | STATMOUNT_MNT_ROOT | STATMOUNT_MNT_POINT | STATMOUNT_FS_TYPE;
// Most paths fit; two of 4,096 bytes always do.
const PLACE_ANSWERS = [1024, 9216] as const;

/**
 * The mounts with these ids, in one program for all: one that has gone in the meantime is left out.
 *
 * @throws {KernelError} ENOSYS before Linux 6.8
 */
export function* readMountPlaces(ids: readonly bigint[], size = 0): Routine<MountPlace[]> {
  const found: MountPlace[] = [];
  const longer: bigint[] = [];
  for (let start = 0; start < ids.length; start += ID_BATCH) {
    const batch = ids.slice(start, start + ID_BATCH);
    const program = new Program();
    const steps = batch.map((id) =>
      program.add('statmount', WANT | MAY_FAIL, id, PLACE_MASK, PLACE_ANSWERS[size]!),
    );
    yield* program.run();
    batch.forEach((id, i) => {
      const answer = program.bytes(steps[i]!);
      if (answer !== undefined) found.push(placeOfStatmount(id, decodeStatmount(answer)));
      else if (program.value(steps[i]!) === -EOVERFLOW) longer.push(id);
      else if (program.value(steps[i]!) !== -ENOENT) throw noAnswer(id);
    });
  }
  if (longer.length > 0 && size === 0) found.push(...(yield* readMountPlaces(longer, 1)));
  return found;
}

function placeOfStatmount(id: bigint, answer: Statmount): MountPlace {
  const { sbMagic, fsType, major, minor, root, target } = answer;
  return {
    id,
    isOverlay: sbMagic === OVERLAYFS_SUPER_MAGIC,
    fsType: fsType ?? '',
    device: `${major}:${minor}`,
    root: root ?? Buffer.from('/'),
    target: target ?? Buffer.alloc(0),
  };
}

/** A filter may refuse the call, and a kernel before 6.11 gives no options, which every overlay has. */
export function noAnswer(id: bigint): KernelError {
  const call = `statmount(${id}, STATMOUNT_MNT_OPTS)`;
  return new KernelError({ errno: ENOSYS, syscall: 'statmount', call, log: '', step: 0 });
}

/** The same as {@link readMountPlaces} of all mounts from mountinfo, with the ids that it has. */
export function* readMountinfoPlaces(): Routine<MountPlace[]> {
  const text = yield* readIfPossible('/proc/self/mountinfo');
  return (text === undefined ? [] : parseMountinfo(text)).map((line) => ({
    id: BigInt(line.id),
    isOverlay: line.fsType === 'overlay',
    fsType: line.fsType,
    device: `${line.major}:${line.minor}`,
    root: line.root,
    target: line.target,
  }));
}
