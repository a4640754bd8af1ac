// Filesystems and directories that the driver takes as no layer at all, or not beside the others.
import { OVERLAYFS_SUPER_MAGIC } from '../kernel/constants.ts';
import { EINVAL } from '../kernel/errno.ts';
import type { DirectoryFacts } from './directory-facts.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { about, type Rule } from './rule.ts';
import { subjectText } from './subject.ts';

// In the order in which they are handed to the kernel.
const layersOf = ({ lower, data, upper, work }: MountFacts): DirectoryFacts[] =>
  [...lower, ...data, upper, work].filter(isThere);

export const LAYER_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_CASEFOLD',
    errnos: [EINVAL],
    find: (facts) => {
      const [first, ...others] = layersOf(facts).filter(({ flags }) => flags.casefold !== undefined);
      const other = others.find(({ flags }) => flags.casefold !== first?.flags.casefold);
      if (first === undefined || other === undefined) return [];
      const [with_, without] = first.flags.casefold ? [first, other] : [other, first];
      const sentence = `names are compared without regard to case in ${subjectText(with_.subject)} (chattr +F), and with regard to it in ${subjectText(without.subject)}; an overlay wants all its layers alike`;
      return [about(other, sentence, 'use only layers with chattr +F, or none')];
    },
  },
  {
    code: 'ERR_OVERLAY_LAYER_UNFIT',
    errnos: [EINVAL],
    find: (facts) =>
      layersOf(facts).flatMap((looked) => {
        const refused = facts.refusedLayers.find(
          ({ as, subject }) =>
            subject === looked.subject &&
            // What is no overlay, and yet counts as the deepest stack: hugetlbfs.
            (as === 'filesystem' || looked.filesystem.type !== OVERLAYFS_SUPER_MAGIC),
        );
        if (refused === undefined) return [];
        const type = looked.mount?.fsType ?? 'this filesystem';
        const words = refused.words === '' ? '' : `, and says: ${refused.words}`;
        return [
          about(
            looked,
            `the kernel, asked for it alone, takes no directory of ${type} as a layer${words}`,
            'copy it to a filesystem such as ext4, xfs, btrfs or tmpfs',
          ),
        ];
      }),
  },
];
