// Layers whose mount the kernel cannot clone for the overlay's own use.
import type { MountinfoEntry } from '../format/mountinfo.ts';
import { EINVAL } from '../kernel/errno.ts';
import type { DirectoryFacts } from './directory-facts.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { shown } from './overlay-error.ts';
import { about, type Found, type Rule } from './rule.ts';

const quote = (path: Uint8Array) => JSON.stringify(shown(path));

type Look = (facts: MountFacts, find: (looked: DirectoryFacts) => Found | undefined) => Found[];

const ofUpper: Look = ({ upper }, find) => [upper].filter(isThere).flatMap((looked) => find(looked) ?? []);

const ofLowers: Look = ({ lower, data }, find) =>
  [...lower, ...data].filter(isThere).flatMap((looked) => find(looked) ?? []);

/** What is mounted in a directory, not on it; nothing is known of one that is in no mount table. */
export function mountsIn(
  { realPath, mount }: DirectoryFacts,
  mounts: readonly MountinfoEntry[],
): MountinfoEntry[] {
  if (mount === undefined) return [];
  const prefix = realPath.length === 1 ? realPath : Buffer.concat([realPath, Buffer.from('/')]);
  return mounts.filter(
    ({ target }) => target.length > prefix.length && target.subarray(0, prefix.length).equals(prefix),
  );
}

const cloneRules = (each: Look): readonly Rule[] => [
  {
    code: 'ERR_OVERLAY_UNBINDABLE',
    errnos: [EINVAL],
    find: (facts) =>
      each(facts, (looked) =>
        looked.mount?.propagation.unbindable
          ? about(
              looked,
              `it is on the unbindable mount at ${quote(looked.mount.target)}, which no overlay can use`,
              `make that mount private: mount --make-private ${quote(looked.mount.target)}`,
            )
          : undefined,
      ),
  },
  {
    code: 'ERR_OVERLAY_FOREIGN_MOUNT',
    errnos: [EINVAL],
    find: (facts) =>
      each(facts, (looked) =>
        facts.mounts.length > 0 && looked.mount === undefined && looked.cloneErrno === EINVAL
          ? about(
              looked,
              'its mount is not in this mount namespace: the descriptor comes from another one, or the mount was undone',
              'open the directory anew in this mount namespace',
            )
          : undefined,
      ),
  },
  {
    code: 'ERR_OVERLAY_LOCKED_MOUNTS',
    errnos: [EINVAL],
    find: (facts) =>
      each(facts, (looked) => {
        if (facts.caller.initialUserNamespace !== false) return undefined;
        // Made from here, a clone does not tell: it is the user namespace that locks them.
        if (facts.asked.rootless !== true && looked.cloneErrno !== EINVAL) return undefined;
        const [inside] = mountsIn(looked, facts.mounts);
        if (inside === undefined) return undefined;
        return about(
          looked,
          `something is mounted in it, as at ${quote(inside.target)}, and in a user namespace the kernel uncovers nothing below such mounts`,
          'use a directory without mounts in it, such as each of its subdirectories alone',
        );
      }),
  },
];

/** Upper is cloned before the driver looks at work, and the lowers when it has looked at both. */
export const UPPER_CLONE_RULES: readonly Rule[] = cloneRules(ofUpper);
export const LOWER_CLONE_RULES: readonly Rule[] = cloneRules(ofLowers);
