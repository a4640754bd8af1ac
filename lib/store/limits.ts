// The limits of a snapshot: by a project quota where an overlay's upper is, by a qgroup on btrfs, or a clear refusal.
import { randomInt } from 'node:crypto';
import type { SnapshotLimits } from '../format/store/record.ts';
import { limitQgroup } from '../kernel/btrfs/space.ts';
import { subvolumeInfo } from '../kernel/btrfs/subvolumes.ts';
import { quotaState } from '../kernel/btrfs/trees.ts';
import { callAsync, close } from '../kernel/call.ts';
import { EINVAL, ENOENT, ENOSYS, ENOTTY, EOPNOTSUPP, EPERM, ESRCH } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { giveProject, isProjectFree, limitProject, readProject } from '../kernel/project-quota.ts';
import { runAsync } from '../kernel/routine.ts';
import { DIRECTORY, type Place } from './place.ts';
import { isErrno, quoted, refusal } from './refusal.ts';

/** Numbers that people do not give by hand; the highest means something else to some tools. */
const FIRST_PROJECT = 0x1000_0000;
const LAST_PROJECT = 0x7fff_ffff;

const WHY: ReadonlyMap<number, readonly [why: string, hint: string]> = new Map([
  [
    ESRCH,
    [
      'its filesystem has no project quotas switched on',
      'mount it with -o prjquota (ext4 also needs mkfs or tune2fs -O quota,project)',
    ],
  ],
  [ENOTTY, ['its filesystem knows no projects', 'use ext4 or XFS with project quotas, or btrfs with quotas']],
  [
    EOPNOTSUPP,
    [
      'its filesystem has no project feature',
      'ext4: tune2fs -O project,quota and mount with -o prjquota; or use XFS or btrfs',
    ],
  ],
  [EINVAL, ['its filesystem has no project quotas', 'mount ext4 or XFS with -o prjquota']],
  [ENOSYS, ['its filesystem has no quotas', 'use ext4 or XFS with project quotas, or btrfs with quotas']],
  [EPERM, ['this user may not set quotas', 'run as root']],
]);

function noQuota(place: Place, why: string, hint: string, cause?: unknown): Error {
  const sentence = `the limits cannot be kept in ${quoted(place.absolute)}: ${why}`;
  return refusal('ERR_STORE_NO_QUOTA', sentence, `${hint}; or leave the limits out`, {
    option: 'limits',
    cause,
  });
}

async function freeProject(fd: number): Promise<number> {
  for (;;) {
    const project = randomInt(FIRST_PROJECT, LAST_PROJECT);
    if (await runAsync(isProjectFree(fd, project))) return project;
  }
}

async function inDirectories<T>(
  directory: number,
  names: readonly string[],
  use: (fd: number) => Promise<T>,
): Promise<void> {
  for (const name of names) {
    const fd = await callAsync('openat', directory, name, DIRECTORY, 0);
    try {
      await use(fd);
    } finally {
      close(fd);
    }
  }
}

// One that is there looks at the descriptor first.
async function hasQuotaCall(): Promise<boolean> {
  try {
    await runAsync(isProjectFree(-1, FIRST_PROJECT));
  } catch (error) {
    return !isErrno(error, ENOSYS);
  }
  return true;
}

/** Gives these directories a project of their own with the limits; gives its number. @throws {OverlayError} ERR_STORE_NO_QUOTA */
export async function limitByProject(
  place: Place,
  directory: number,
  names: readonly string[],
  limits: SnapshotLimits,
): Promise<number> {
  try {
    const project = await freeProject(directory);
    await inDirectories(directory, names, (fd) => runAsync(giveProject(fd, project)));
    await runAsync(limitProject(directory, project, limits));
    return project;
  } catch (error) {
    const known = error instanceof KernelError ? WHY.get(-error.errno) : undefined;
    if (known === undefined) throw error;
    if (isErrno(error, ENOSYS) && !(await hasQuotaCall()))
      throw noQuota(place, 'this kernel has no quotactl_fd(2)', 'use Linux 5.14 or newer', error);
    throw noQuota(place, ...known, error);
  }
}

/** Takes the limits from the project of a directory, so that its number is free when its files are gone. */
export async function unlimitProject(directory: number, name: string): Promise<void> {
  try {
    await inDirectories(directory, [name], async (fd) => {
      const project = await runAsync(readProject(fd));
      // One that it has from above is somebody else's.
      const inherited = project === (await runAsync(readProject(directory)));
      if (!inherited && project >= FIRST_PROJECT) await runAsync(limitProject(fd, project, {}));
    });
  } catch (error) {
    // There are none to take.
    if (!isErrno(error, ENOENT, ...WHY.keys())) throw error;
  }
}

/** Limits what a subvolume may have for itself. @throws {OverlayError} ERR_STORE_NO_QUOTA */
export async function limitSubvolume(
  place: Place,
  subvolume: number,
  { bytes, inodes }: SnapshotLimits,
): Promise<void> {
  if (inodes !== undefined)
    throw noQuota(place, 'btrfs cannot limit the number of inodes', 'limit the bytes alone');
  if (bytes === undefined) return;
  if ((await runAsync(quotaState(subvolume))) === undefined) {
    throw noQuota(
      place,
      'quotas are not switched on in its btrfs',
      `btrfs quota enable --simple ${place.absolute}, or without --simple before btrfs-progs 6.7`,
    );
  }
  const { id } = await runAsync(subvolumeInfo(subvolume));
  await runAsync(limitQgroup(subvolume, id, bytes));
}
