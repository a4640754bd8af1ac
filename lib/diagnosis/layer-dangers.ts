// Layers that the driver takes without a word, and with which changes, options or old content go wrong later.
import type { DirectoryFacts } from './directory-facts.ts';
import { needsHandles } from './handle-facts.ts';
import { isThere } from './mount-facts.ts';
import { about, type DangerRule } from './rule.ts';
import { subjectText } from './subject.ts';

/** The project that a file has which is made in this directory. */
const given = ({ flags }: DirectoryFacts) => flags.project ?? 0;

/** Whether a file made in one directory may not be moved to the other (ext4 and xfs answer EXDEV). */
export function crossesProjects(from: DirectoryFacts, to: DirectoryFacts): boolean {
  return to.flags.project !== undefined && to.flags.project !== given(from);
}

const NAMES: Readonly<Record<string, string>> = { index: 'index', nfs_export: 'nfsExport' };

export const LAYER_DANGERS: readonly DangerRule[] = [
  {
    code: 'ERR_OVERLAY_OPTION_DROPPED',
    find: ({ asked, withoutHandles: [layer] }) => {
      const option = asked.parameters.find(needsHandles)?.key;
      if (option === undefined || layer === undefined) return [];
      const name = NAMES[option] ?? option;
      return [
        {
          sentence: `the kernel would mount without ${name}: the filesystem of ${subjectText(layer)} has no file handles`,
          hint: `leave ${name} out, or use layers that allow it: features(dir) tells`,
          option: name,
        },
      ];
    },
  },
  {
    code: 'ERR_OVERLAY_WORK_IN_OTHER_PROJECT',
    find: ({ upper, work }) => {
      if (!isThere(upper) || !isThere(work) || !crossesProjects(work, upper)) return [];
      const sentence = `files made in it belong to project ${given(work)}, and upper takes only those of project ${given(upper)} (chattr +P), so that no lower file can be changed (EXDEV)`;
      return [
        about(work, sentence, 'give both directories one project (chattr -p, chattr +P), or leave work out'),
      ];
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
