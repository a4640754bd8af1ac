// Layers that the driver takes without a word, and with which changes or old content go wrong later.
import { STATX_ATTR_IMMUTABLE } from '../kernel/constants.ts';
import { EACCES, EPERM } from '../kernel/errno.ts';
import { isThere } from './mount-facts.ts';
import { about, type DangerRule } from './rule.ts';
import { subjectText } from './subject.ts';

/** Whether what is made in one directory may not be moved to the other (ext4 and xfs answer EXDEV); by the projects that they pass on. */
export function crossesProjects(from: number | undefined, to: number | undefined): boolean {
  return to !== undefined && to !== (from ?? 0);
}

export const LAYER_DANGERS: readonly DangerRule[] = [
  {
    code: 'ERR_OVERLAY_LAYER_CLOSED',
    find: ({ lower, upper }) =>
      [...lower, upper]
        .filter(isThere)
        .filter(({ flags }) => flags.readable === false)
        .map((looked) =>
          about(
            looked,
            'this user may not list it, and an overlay looks with the rights of who mounts it: to everybody its part answers EACCES',
            'open the directory to this user (chmod o+rx), or mount as one who may list it',
          ),
        ),
  },
  {
    code: 'ERR_OVERLAY_UPPER_CLOSED',
    find: ({ upper, caller }, { closedErrno }) => {
      if (!isThere(upper) || upper.readOnly || closedErrno === 0) return [];
      const { attributes, uid } = upper.stat;
      if (closedErrno === EPERM && (attributes & BigInt(STATX_ATTR_IMMUTABLE)) !== 0n) {
        const sentence = 'it is immutable (chattr +i), so that nothing can be changed in the overlay (EPERM)';
        return [about(upper, sentence, 'chattr -i it, or use another directory')];
      }
      if (closedErrno !== EACCES || uid === caller.uid) return [];
      const sentence =
        'this user may not write to it, and an overlay writes with the rights of who mounts it: changes fail (EACCES)';
      return [about(upper, sentence, 'use a directory of your own, or mount as its owner')];
    },
  },
  {
    code: 'ERR_OVERLAY_WORK_IN_OTHER_PROJECT',
    find: ({ upper, work, room }) => {
      if (!isThere(upper) || !crossesProjects(room.project, upper.flags.project)) return [];
      const where = isThere(work) ? work : upper;
      const what = isThere(work)
        ? 'what is made in it'
        : 'what is made beside it, where the work directory will be,';
      const sentence = `${what} belongs to project ${room.project ?? 0}, and upper takes only what is of project ${upper.flags.project} (chattr +P), so that no lower file can be changed (EXDEV)`;
      return [about(where, sentence, 'give a work directory of the same project (chattr -p, chattr +P)')];
    },
  },
  {
    code: 'ERR_OVERLAY_UPPER_IS_OLD_WORK',
    find: ({ upper, work }, { swapped }) =>
      isThere(upper) && isThere(work) && swapped
        ? [
            about(
              upper,
              `it holds only what the driver makes in a work directory, and ${subjectText(work.subject)} what it makes in an upper: they seem to be exchanged`,
              'exchange upper and work, or use new directories',
            ),
          ]
        : [],
  },
];
