// What has run out: descriptors, mounts.
import { EMFILE, ENOSPC } from '../kernel/errno.ts';
import type { Rule } from './rule.ts';
import { placeOf } from './subject.ts';

// What one mount opens at a time: upper, work, context, mount, and what a look at them takes.
const NEEDED = 6;

export const LIMIT_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_TOO_MANY_OPEN_FILES',
    errnos: [EMFILE],
    find: ({ descriptors: { open, limit, none } }) => {
      const near = open !== undefined && limit !== undefined && open + NEEDED > limit;
      if (!none && !near) return [];
      const count = near ? `: ${open} are open, and the limit is ${limit}` : '';
      return [
        {
          sentence: `this process may not open enough files for a mount${count}`,
          hint: 'close what is not needed, or raise the limit (ulimit -n)',
        },
      ];
    },
  },
  {
    code: 'ERR_OVERLAY_TOO_MANY_MOUNTS',
    errnos: [ENOSPC],
    find: ({ asked: { target }, mounts, mountLimit }) =>
      target === undefined || mountLimit === undefined || mounts.length < mountLimit
        ? []
        : [
            {
              sentence: `this mount namespace has ${mounts.length} mounts, and fs.mount-max allows ${mountLimit}`,
              hint: 'unmount what is not needed, or as root raise /proc/sys/fs/mount-max',
              ...placeOf(target),
            },
          ],
  },
];
