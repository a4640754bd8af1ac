// What can be wrong with the layers as a stack: the same twice, one in the other, too deep, unfit filesystems.
import type { MountinfoEntry } from '../format/mountinfo.ts';
import { describeOverlay } from '../format/overlay-description.ts';
import { OVERLAYFS_SUPER_MAGIC, PROC_SUPER_MAGIC } from '../kernel/constants.ts';
import { EINVAL, ELOOP } from '../kernel/errno.ts';
import { type DirectoryFacts, liesIn } from './directory-facts.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { mountOf } from './mount-of.ts';
import { about, type Found, type Rule } from './rule.ts';
import { subjectText } from './subject.ts';

// FILESYSTEM_MAX_STACK_DEPTH, the new overlay included.
const DEEPEST = 2;

const lowers = ({ lower, data }: MountFacts): DirectoryFacts[] => [...lower, ...data].filter(isThere);

/** How many overlays lie on top of each other in this mount: 1 for one over ordinary filesystems. */
function depthOf(mount: MountinfoEntry, mounts: readonly MountinfoEntry[], limit: number = 8): number {
  if (mount.fsType !== 'overlay' || limit === 0) return 0;
  const { lower, upper } = describeOverlay(mount.superOptions);
  const below = [...lower, ...(upper === undefined ? [] : [upper])].map((path) => {
    const under = mountOf(path, mounts);
    return under === undefined || under === mount ? 0 : depthOf(under, mounts, limit - 1);
  });
  return 1 + Math.max(0, ...below);
}

/** Every pair of directories of the mount, the later one of the kernel's order second. */
function pairs(
  facts: MountFacts,
  find: (a: DirectoryFacts, b: DirectoryFacts) => Found | undefined,
): Found[] {
  const all = [facts.upper, facts.work].filter(isThere).concat(lowers(facts));
  const first = [facts.upper, facts.work].filter(isThere).length;
  for (let i = 0; i < all.length; i++) {
    for (let j = Math.max(i + 1, first); j < all.length; j++) {
      const found = find(all[i]!, all[j]!);
      if (found !== undefined) return [found];
    }
  }
  return [];
}

/** A layer on procfs. */
export function onProc(looked: DirectoryFacts): Found[] {
  return looked.filesystem.type === PROC_SUPER_MAGIC
    ? [about(looked, 'procfs cannot be a layer', 'use a directory of another filesystem')]
    : [];
}

export const STACK_RULES: readonly Rule[] = [
  {
    // It counts as the deepest stack there is.
    code: 'ERR_OVERLAY_PROC_LAYER',
    errnos: [EINVAL],
    find: (facts) => [facts.upper, facts.work, ...lowers(facts)].filter(isThere).flatMap(onProc),
  },
  {
    code: 'ERR_OVERLAY_TOO_DEEP',
    errnos: [EINVAL],
    find: (facts) =>
      lowers(facts)
        .filter(
          ({ subject, filesystem, mount }) =>
            filesystem.type === OVERLAYFS_SUPER_MAGIC &&
            (facts.refusedLayers.some((refused) => refused.as === 'depth' && refused.subject === subject) ||
              (mount !== undefined && depthOf(mount, facts.mounts) >= DEEPEST)),
        )
        .map((looked) =>
          about(
            looked,
            'it lies on an overlay over an overlay; the kernel stacks no third on top',
            'use the layers of that overlay themselves as lowers: list() names them',
          ),
        ),
  },
  {
    code: 'ERR_OVERLAY_LAYER_TWICE',
    errnos: [ELOOP],
    find: (facts) =>
      pairs(facts, (a, b) =>
        a.identity.equals(b.identity)
          ? about(b, `it is the same directory as ${subjectText(a.subject)}`, 'name each directory once')
          : undefined,
      ),
  },
];

/** At the very end, when the driver has an index. */
export const OVERLAP_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_LAYERS_OVERLAP',
    errnos: [ELOOP],
    find: (facts) =>
      pairs(facts, (a, b) => {
        if (a.identity.equals(b.identity)) return undefined;
        if (liesIn(b, a)) {
          return about(b, `it lies in ${subjectText(a.subject)}`, 'use directories that lie apart');
        }
        // An upper or work in a lower is allowed; a lower in a lower is not, either way round.
        const bothLower = a.subject.option !== 'upper' && a.subject.option !== 'work';
        return bothLower && liesIn(a, b)
          ? about(a, `it lies in ${subjectText(b.subject)}`, 'use directories that lie apart')
          : undefined;
      }),
  },
];
