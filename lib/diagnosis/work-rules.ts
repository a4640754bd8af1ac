// What the driver, or this package for it, cannot do: make a directory where it is to work, empty one of its own, keep an option.
import { STATX_ATTR_MOUNT_ROOT } from '../kernel/constants.ts';
import { EACCES, EDQUOT, ENOENT, ENOSPC, EPERM, errnoName } from '../kernel/errno.ts';
import { needsHandles } from './handle-facts.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { about, type Found, type Rule } from './rule.ts';
import { subjectText } from './subject.ts';
import { readOnlyFinding } from './unfit-work.ts';

const DENIED: readonly number[] = [EPERM, EACCES, ENOENT];

// The upper beside which a work directory is to be made.
function alone({ upper, asked }: MountFacts) {
  return asked.work === undefined && isThere(upper) ? upper : undefined;
}

function beside(code: string, errno: number, sentence: string, hint: string): Rule {
  return {
    code,
    errnos: [errno],
    find: (facts) => {
      const upper = alone(facts);
      return upper === undefined || facts.room.errno !== errno ? [] : [about(upper, sentence, hint)];
    },
  };
}

/** For a mount without `work`; before the driver is asked. */
export const OWN_WORK_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_NO_WORK',
    errnos: DENIED,
    find: (facts) => {
      const upper = alone(facts);
      if (upper === undefined) return [];
      if (upper.stat.attributes & BigInt(STATX_ATTR_MOUNT_ROOT)) {
        const sentence = 'it is the root of its mount, so that no work directory can lie beside it';
        return [about(upper, sentence, 'use a subdirectory as upper, or give work')];
      }
      const { errno } = facts.room;
      if (!DENIED.includes(errno)) return [];
      const sentence = `work is absent, and beside upper, where one would be made, no directory can be (${errnoName(errno)})`;
      return [
        about(
          upper,
          sentence,
          'give a work directory on the same mount, or let this user write beside upper',
        ),
      ];
    },
  },
  beside(
    'ERR_OVERLAY_NO_SPACE',
    ENOSPC,
    'its filesystem has no room for the work directory beside it',
    'free space and inodes there, or put upper on another filesystem',
  ),
  beside(
    'ERR_OVERLAY_QUOTA',
    EDQUOT,
    'a quota on its filesystem leaves no room for the work directory beside it',
    'raise the quota, or put upper elsewhere',
  ),
];

const NEED_ATTRIBUTES: readonly string[] = ['redirect_dir', 'metacopy'];
const NAMES: Readonly<Record<string, string>> = { nfs_export: 'nfsExport', redirect_dir: 'redirectDir' };

function dropped(key: string, why: string): Found {
  const option = NAMES[key] ?? key;
  return {
    sentence: `the kernel would mount without ${option}: ${why}`,
    hint: `leave ${option} out, or use layers that allow it: features(dir) tells`,
    option,
  };
}

/** For a mount that the kernel would make without a word, without options that were asked for; it is undone. */
export const DROPPED_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_OPTION_DROPPED',
    errnos: [],
    find: ({ asked: { parameters, rootless }, withoutHandles: [layer], upperFacts, upper }) => {
      // What a mount in a user namespace came to cannot be seen.
      if (rootless === true) return [];
      const handles = layer && parameters.find(needsHandles);
      if (handles) {
        const why = `the filesystem of ${subjectText(layer)} has no file handles`;
        return [dropped(handles.key, why)];
      }
      const noted = parameters.find(({ key, value }) => NEED_ATTRIBUTES.includes(key) && value === 'on');
      if (noted === undefined || !upperFacts.noAttributes || !isThere(upper)) return [];
      const why = `the filesystem of ${subjectText(upper.subject)} keeps no extended attributes`;
      return [dropped(noted.key, why)];
    },
  },
];

/** For a mount that the kernel would make without a word, and read-only; after all that it would refuse. */
export const READ_ONLY_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_BECAME_READ_ONLY',
    errnos: [],
    find: ({ work, asked, room }) =>
      isThere(work) && asked.attributes?.readOnly !== true && (room.errno !== 0 || room.stuck !== undefined)
        ? [readOnlyFinding(work.subject, room)]
        : [],
  },
];
