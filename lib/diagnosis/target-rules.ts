// What can be wrong with a target that can be opened as a directory.
import { EINVAL, ENOENT } from '../kernel/errno.ts';
import { isThere } from './mount-facts.ts';
import { about, type Rule } from './rule.ts';

export const TARGET_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_FOREIGN_TARGET',
    errnos: [EINVAL],
    find: ({ target, mounts }) =>
      isThere(target) && mounts.length > 0 && target.mount === undefined && target.cloneErrno === EINVAL
        ? [
            about(
              target,
              'it is on a mount that this mount namespace does not have, and nothing can be mounted there from here',
              'mount it from inside that namespace (nsenter --mount), or name a directory of this one',
            ),
          ]
        : [],
  },
  {
    code: 'ERR_OVERLAY_FOREIGN_TARGET',
    errnos: [EINVAL],
    // move_mount(2) takes it since Linux 6.15.
    find: ({ target, mounts, asked: { via } }) =>
      via === 'mount' &&
      isThere(target) &&
      mounts.length > 0 &&
      target.mount === undefined &&
      target.cloneErrno !== EINVAL
        ? [
            about(
              target,
              'it is on a mount that is attached nowhere, such as a detached overlay, and mount(2) mounts nothing there',
              'attach that mount first, or name another directory',
            ),
          ]
        : [],
  },
  {
    code: 'ERR_OVERLAY_TARGET_REMOVED',
    errnos: [ENOENT],
    find: ({ target }) =>
      isThere(target) && target.stat.links === 0
        ? [
            about(
              target,
              'the directory has been removed; only who has it open still reaches it, and nothing can be mounted there',
              'name a directory that exists, or leave target out for a detached overlay',
            ),
          ]
        : [],
  },
];
