// What has run out: descriptors, mounts.
import { EMFILE, ENOSPC } from '../kernel/errno.ts';
import type { AskedMount } from './mount-facts.ts';
import type { Rule } from './rule.ts';
import { placeOf } from './subject.ts';

// What one mount opens at a time: upper, work, context, mount, and what a look at them takes.
const NEEDED = 6;

// fsconfig(2) takes strings of 255 bytes, and mount(2) a page of option text: longer ones are handed over as descriptors.
const STRING = 255;
const TEXT = 4095;

/** How many lowers are open at a time, since their paths are too long. */
function openedLayers({ lower, data, via }: AskedMount): number {
  const sizes = [...lower, ...data].map(({ absolute }) =>
    absolute === undefined ? 0 : Buffer.byteLength(absolute as string),
  );
  if (via !== 'mount') return sizes.filter((size) => size > STRING).length;
  const text = sizes.reduce((sum, size) => sum + size + 1, 0);
  return text > TEXT ? sizes.filter((size) => size > 0).length : 0;
}

export const LIMIT_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_TOO_MANY_OPEN_FILES',
    errnos: [EMFILE],
    find: ({ asked, descriptors: { open, limit, none } }) => {
      const needed = NEEDED + openedLayers(asked);
      const near = open !== undefined && limit !== undefined && open + needed > limit;
      if (!none && !near) return [];
      const count = near ? `: ${open} are open, it takes ${needed}, and the limit is ${limit}` : '';
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
