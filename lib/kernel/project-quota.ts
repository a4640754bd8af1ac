// Project quotas set and read: ioctl(2) for the project of a directory, quotactl_fd(2) for the limits of a project.
import {
  DQBLK_SIZE,
  encodeLimits,
  FSXATTR_SIZE,
  isUnusedProject,
  projectIn,
  withProject,
} from '../format/project-quota.ts';
import { call } from './call.ts';
import { FS_IOC_FSGETXATTR } from './constants.ts';
import { ENOENT } from './errno.ts';
import { ioctlNumber } from './ioctl-number.ts';
import { KernelError } from './kernel-error.ts';
import type { Routine } from './routine.ts';

const FS_IOC_FSSETXATTR = ioctlNumber('in', 0x58, 32, FSXATTR_SIZE);

// linux/quota.h: QCMD(command, PRJQUOTA).
const PROJECTS = 2;
const Q_GETQUOTA = 0x8000_0700 + PROJECTS;
const Q_SETQUOTA = 0x8000_0800 + PROJECTS;

/** The project of an open file or directory; 0 for none. */
export function* readProject(fd: number): Routine<number> {
  return projectIn(yield* call('ioctl', fd, FS_IOC_FSGETXATTR, Buffer.alloc(FSXATTR_SIZE)));
}

/** Gives an open directory a project, which what is made in it gets too. */
export function* giveProject(fd: number, project: number): Routine<void> {
  const now = yield* call('ioctl', fd, FS_IOC_FSGETXATTR, Buffer.alloc(FSXATTR_SIZE));
  yield* call('ioctl', fd, FS_IOC_FSSETXATTR, withProject(now, project));
}

/** Whether nobody uses the project on this filesystem. @throws {KernelError} ESRCH where quotas are off, ENOSYS before Linux 5.14 */
export function* isProjectFree(fd: number, project: number): Routine<boolean> {
  try {
    return isUnusedProject(yield* call('quotactl_fd', fd, Q_GETQUOTA, project, Buffer.alloc(DQBLK_SIZE)));
  } catch (error) {
    if (error instanceof KernelError && error.errno === -ENOENT) return true;
    throw error;
  }
}

/** Sets the limits of a project; none takes them away. */
export function* limitProject(
  fd: number,
  project: number,
  limits: { readonly bytes?: number; readonly inodes?: number },
): Routine<void> {
  yield* call('quotactl_fd', fd, Q_SETQUOTA, project, encodeLimits(limits));
}
