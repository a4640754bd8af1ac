// What can be wrong with an upper and its work directory, in the order in which the kernel looks.

import { dialectOf } from '../format/asked-options.ts';
import { OVERLAYFS_SUPER_MAGIC, STATX_ATTR_MOUNT_ROOT } from '../kernel/constants.ts';
import { EACCES, EINVAL, EROFS } from '../kernel/errno.ts';
import { type DirectoryFacts, liesIn } from './directory-facts.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { shown } from './overlay-error.ts';
import { about, type Found, type Rule } from './rule.ts';

function each({ upper, work }: MountFacts, find: (looked: DirectoryFacts) => Found | undefined): Found[] {
  return [upper, work].filter(isThere).flatMap((looked) => find(looked) ?? []);
}

// Both there, or nothing to say.
function pair(
  facts: MountFacts,
  find: (upper: DirectoryFacts, work: DirectoryFacts) => Found | undefined,
): Found[] {
  const { upper, work } = facts;
  if (!isThere(upper) || !isThere(work)) return [];
  const found = find(upper, work);
  return found === undefined ? [] : [found];
}

const onMount = ({ mount }: DirectoryFacts) =>
  mount === undefined
    ? 'a mount that is in no mount table'
    : `the mount at ${JSON.stringify(shown(mount.target))}`;

/** What the kernel looks at when it is given the two. */
export const UPPER_RULES: readonly Rule[] = [
  // First, though the kernel looks later: our own lock notices it before the kernel is asked.
  {
    code: 'ERR_OVERLAY_UPPER_IS_WORK',
    errnos: [EINVAL],
    find: (facts) =>
      pair(facts, (upper, work) =>
        upper.identity.equals(work.identity)
          ? about(
              work,
              'it is the same directory as upper; the kernel wants two',
              'give another empty directory of the same filesystem as work, or leave work out',
            )
          : undefined,
      ),
  },
  {
    code: 'ERR_OVERLAY_NO_ACCESS',
    errnos: [EACCES],
    find: (facts) =>
      each(facts, (looked) =>
        looked.readErrno === EACCES
          ? about(
              looked,
              'this user may not read it, and it is locked by reading it',
              'grant read permission (chmod u+rwx), or run as a user who has it',
            )
          : undefined,
      ),
  },
  {
    code: 'ERR_OVERLAY_UPPER_ON_OVERLAY',
    errnos: [EINVAL],
    find: (facts) =>
      each(facts, (looked) =>
        looked.filesystem.type === OVERLAYFS_SUPER_MAGIC
          ? about(
              looked,
              'it lies on an overlay itself, and the kernel takes no upper or work there',
              'use a directory on another filesystem: a volume of the container, or a tmpfs',
            )
          : undefined,
      ),
  },
  {
    code: 'ERR_OVERLAY_UPPER_READ_ONLY',
    // The latter when a work directory is to be made beside it.
    errnos: [EINVAL, EROFS],
    find: (facts) =>
      each(facts, (looked) =>
        looked.readOnly
          ? about(
              looked,
              `it is on a read-only filesystem, or reached through a read-only mount (${onMount(looked)})`,
              'use a directory that can be written, or leave upper out for a read-only view',
            )
          : undefined,
      ),
  },
];

/** What it looks at when it has taken upper. */
export const PAIR_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_WORK_ON_OTHER_MOUNT',
    errnos: [EINVAL],
    find: (facts) =>
      pair(facts, (upper, work) =>
        upper.stat.mountId !== work.stat.mountId
          ? about(
              work,
              `it is on ${onMount(work)} and upper on ${onMount(upper)}; the kernel wants both on one mount`,
              'use a work directory beside the upper, reached by the same path, or leave work out',
            )
          : undefined,
      ),
  },
  {
    code: 'ERR_OVERLAY_WORK_IN_UPPER',
    errnos: [EINVAL],
    find: (facts) =>
      pair(facts, (upper, work) => {
        if (upper.identity.equals(work.identity)) return undefined;
        if (liesIn(work, upper)) {
          const whole = (upper.stat.attributes & BigInt(STATX_ATTR_MOUNT_ROOT)) !== 0n;
          return about(
            work,
            'it lies in upper; the kernel wants them apart',
            whole
              ? 'upper is a whole mount, so nothing lies beside it: make two directories in it, one for each'
              : 'put them side by side, or leave work out',
          );
        }
        return liesIn(upper, work)
          ? about(
              upper,
              'it lies in work; the kernel wants them apart',
              'put them side by side, or leave work out',
            )
          : undefined;
      }),
  },
  {
    code: 'ERR_OVERLAY_INCOMPATIBLE_WORK',
    errnos: [EINVAL],
    find: (facts) => {
      const { work } = facts;
      const incompatible = facts.upperFacts.incompatible.filter(
        (name) => name !== 'volatile' || !facts.asked.trustVolatile,
      );
      if (!isThere(work) || incompatible.length === 0) return [];
      const names = incompatible.join(', ');
      const volatile = incompatible.includes('volatile');
      return [
        about(
          work,
          `an overlay with "${names}" has left its mark in it (work/incompat/${names})` +
            (volatile ? ': what was written then may be incomplete, if the machine went down' : ''),
          volatile
            ? 'throw upper and work away; or, when upper is known to be whole, pass trustVolatile: true'
            : 'mount it with a kernel that knows this feature, or start with a new work directory',
        ),
      ];
    },
  },
  {
    code: 'ERR_OVERLAY_UPPER_UNFIT',
    errnos: [EINVAL],
    find: (facts) => {
      const { abilities } = facts.upperFacts;
      if (!isThere(facts.upper) || abilities === undefined) return [];
      const xattr =
        dialectOf(facts.asked.parameters) === 'user' ? abilities.userXattr : abilities.trustedXattr;
      const lacking = [abilities.dType, abilities.renameWhiteout, xattr].filter(
        ({ available }) => available === false,
      );
      if (lacking.length === 0) return [];
      const type = facts.upper.mount?.fsType ?? 'this filesystem';
      return [
        about(
          facts.upper,
          `${type} cannot do what an upper needs: ${lacking.map(({ reason }) => reason).join(', ')}`,
          'put upper and work on a local filesystem such as ext4, xfs, btrfs or tmpfs; a lower may stay where it is',
        ),
      ];
    },
  },
];
