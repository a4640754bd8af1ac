// What the kernel lets pass without a word and what comes to harm then; for explain(), after all that would fail.
import { OVERLAYFS_SUPER_MAGIC, STATX_ATTR_MOUNT_ROOT } from '../kernel/constants.ts';
import { mountsIn } from './clone-rules.ts';
import type { DangerFacts } from './danger-facts.ts';
import { type DirectoryFacts, liesIn } from './directory-facts.ts';
import { LAYER_DANGERS } from './layer-dangers.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { type Finding, shown } from './overlay-error.ts';
import { about, type DangerRule } from './rule.ts';
import { subjectText } from './subject.ts';

const isRoot = ({ stat }: DirectoryFacts) => (stat.attributes & BigInt(STATX_ATTR_MOUNT_ROOT)) !== 0n;
const same = (a: DirectoryFacts, b: DirectoryFacts) => a.identity.equals(b.identity);
const lowersOf = ({ lower, data }: MountFacts) => [...lower, ...data].filter(isThere);
const writtenOf = ({ upper, work }: MountFacts) => [upper, work].filter(isThere);

export const DANGER_RULES: readonly DangerRule[] = [
  {
    code: 'ERR_OVERLAY_LAYER_REMOVED',
    find: (facts) =>
      [...lowersOf(facts), ...writtenOf(facts)]
        .filter(({ stat }) => stat.links === 0)
        .map((looked) =>
          about(looked, 'the directory has been removed; only a descriptor keeps it', 'open one that exists'),
        ),
  },
  {
    code: 'ERR_OVERLAY_WORK_ON_OTHER_SUBVOLUME',
    find: ({ upper, work }) => {
      if (!isThere(upper) || !isThere(work) || upper.stat.mountId !== work.stat.mountId) return [];
      const [a, b] = [upper, work].map(({ stat }) => `${stat.device.major}:${stat.device.minor}`);
      if (a === b) return [];
      const sentence =
        'it is on another subvolume than upper, so that changing and deleting lower files will fail (EXDEV)';
      return [about(work, sentence, 'use a work directory in the subvolume of upper, or leave work out')];
    },
  },
  ...LAYER_DANGERS,
  {
    code: 'ERR_OVERLAY_NO_FILE_TYPES',
    find: ({ upper }, { tellsTypes }) =>
      isThere(upper) && tellsTypes === false
        ? [
            about(
              upper,
              'listings of its filesystem tell no file types (d_type), so that deleted files stay visible',
              'use another filesystem, or make it anew with them (xfs: mkfs.xfs -n ftype=1)',
            ),
          ]
        : [],
  },
  {
    code: 'ERR_OVERLAY_NO_ATTRIBUTES',
    find: ({ upper, upperFacts }) =>
      isThere(upper) && upperFacts.noAttributes
        ? [
            about(
              upper,
              'its filesystem keeps no extended attributes, so that removing and remaking directories of a lower fails (EIO)',
              'put upper and work on ext4, xfs, btrfs or tmpfs',
            ),
          ]
        : [],
  },
  {
    code: 'ERR_OVERLAY_MOUNTS_HIDDEN',
    find: (facts) =>
      lowersOf(facts).map((looked) => {
        const { target } = facts;
        const own = (path: Buffer) => isThere(target) && path.equals(target.realPath);
        const inside = mountsIn(looked, facts.mounts).filter((mount) => !own(mount.target));
        if (inside.length === 0) return undefined;
        const first = JSON.stringify(shown(inside[0]!.target));
        const sentence = `${inside.length} mounted in it, as at ${first}; overlays do not show what is mounted in a layer`;
        return about(
          looked,
          sentence,
          'mount those again in the overlay, or name each as a layer of its own',
        );
      }),
  },
  {
    code: 'ERR_OVERLAY_NOEXEC_LOST',
    find: (facts) =>
      [...writtenOf(facts).slice(0, 1), ...lowersOf(facts)].map((looked) =>
        looked.mount?.attributes.noexec && !facts.asked.attributes?.noexec
          ? about(
              looked,
              'its mount is noexec, and through the overlay its programs could be run',
              'pass attributes: { noexec: true }',
            )
          : undefined,
      ),
  },
  {
    code: 'ERR_OVERLAY_TARGET_IS_OVERLAY',
    find: ({ target }) =>
      isThere(target) && isRoot(target) && target.filesystem.type === OVERLAYFS_SUPER_MAGIC
        ? [
            about(
              target,
              'an overlay is mounted there already; the new one would cover it',
              'unmount it first',
            ),
          ]
        : [],
  },
  {
    code: 'ERR_OVERLAY_TARGET_IN_LAYER',
    find: (facts) => {
      const { target } = facts;
      if (!isThere(target)) return [];
      // A mount over its own lower is a habit, and does no harm.
      const around =
        writtenOf(facts).find((looked) => liesIn(target, looked)) ??
        lowersOf(facts).find((looked) => !same(target, looked) && liesIn(target, looked));
      if (around === undefined) return [];
      const sentence = `it lies in ${subjectText(around.subject)}, where the overlay shows an empty directory`;
      return [about(target, sentence, 'use a target outside of the layers')];
    },
  },
  {
    code: 'ERR_OVERLAY_TARGET_NOT_EMPTY',
    find: (facts, { targetHasEntries }) => {
      const { target } = facts;
      if (!isThere(target) || !targetHasEntries || isRoot(target)) return [];
      if ([...lowersOf(facts), ...writtenOf(facts)].some((looked) => liesIn(target, looked))) return [];
      return [
        about(
          target,
          'it is not empty; its content is hidden while the overlay is there',
          'use an empty directory',
        ),
      ];
    },
  },
];

/** All dangers, in the order of the rules. */
export function findDangers(facts: MountFacts, seen: DangerFacts): Finding[] {
  return DANGER_RULES.flatMap(({ code, find }) =>
    find(facts, seen).flatMap((found) => (found === undefined ? [] : [{ code, ...found }])),
  );
}
