// What the driver, or this package for it, cannot do: make a directory where it is to work, empty one of its own, keep an option.

import { dialectOf } from '../format/asked-options.ts';
import { STATX_ATTR_MOUNT_ROOT } from '../kernel/constants.ts';
import {
  EACCES,
  EDQUOT,
  EINVAL,
  EIO,
  EMLINK,
  ENOENT,
  ENOSPC,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  errnoName,
} from '../kernel/errno.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { about, type Found, type Rule } from './rule.ts';
import { onProc } from './stack-rules.ts';
import { subjectText } from './subject.ts';
import { noRoom, readOnlyFinding } from './unfit-work.ts';

// What mkdirat(2) may answer, but for want of room.
const DENIED: readonly number[] = [EPERM, ENOENT, EIO, EACCES, EINVAL, EROFS, EMLINK, EOPNOTSUPP, ENOTCONN];

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
    // No work directory helps there.
    code: 'ERR_OVERLAY_PROC_LAYER',
    errnos: DENIED,
    find: (facts) => [alone(facts)].filter((upper) => upper !== undefined).flatMap(onProc),
  },
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
      const { errno, immutable } = facts.room;
      if (!DENIED.includes(errno)) return [];
      const why = errno === EPERM && immutable ? 'immutable: chattr +i' : errnoName(errno);
      const sentence = `work is absent, and beside upper, where one would be made, no directory can be (${why})`;
      const [, remedy] = noRoom(facts.room, 'upper');
      return [
        about(
          upper,
          sentence,
          errno === EACCES
            ? 'give a work directory on the same mount, or let this user write beside upper'
            : remedy,
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

const NAMES: Readonly<Record<string, string>> = { nfs_export: 'nfsExport', redirect_dir: 'redirectDir' };
// As what is mounted is compared with what was asked for.
const DROPPABLE: readonly string[] = ['index', 'nfs_export', 'metacopy', 'redirect_dir', 'uuid'];
const INDEXED: readonly string[] = ['index', 'nfs_export'];

/** Why the kernel will drop the option, which is asked for, with no more than a line in its log. */
function whyDropped(key: string, facts: MountFacts): string | undefined {
  const { withoutHandles, twins, upper, upperFacts, caller, asked } = facts;
  const [layer] = withoutHandles;
  // Whatever the dialect: ovl_can_decode_fh of fs/overlayfs/util.c.
  if (INDEXED.includes(key) && caller.initialUserNamespace === false) {
    return 'an index needs CAP_DAC_READ_SEARCH over the whole machine, which nobody has in a user namespace';
  }
  if (INDEXED.includes(key) && layer !== undefined) {
    return `the filesystem of ${subjectText(layer)} has no file handles`;
  }
  if (!isThere(upper)) return undefined;
  if (upperFacts.noAttributes) {
    return `the filesystem of ${subjectText(upper.subject)} keeps no extended attributes`;
  }
  if (caller.initialUserNamespace === false && dialectOf(asked.parameters) === 'trusted') {
    return 'it needs trusted.* attributes, which a user namespace does not give; with userxattr: true it needs none';
  }
  return twins !== undefined && INDEXED.includes(key)
    ? `the filesystems of ${subjectText(twins[0])} and ${subjectText(twins[1])} have one UUID, or none, and so cannot be told apart`
    : undefined;
}

/** For a mount that the kernel would make without a word, without options that were asked for; it is undone. */
export const DROPPED_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_OPTION_DROPPED',
    errnos: [],
    find: (facts) => {
      const { parameters } = facts.asked;
      return DROPPABLE.filter((wanted) =>
        parameters.some(({ key, value }) => key === wanted && value === 'on'),
      ).flatMap((key): Found[] => {
        const why = whyDropped(key, facts);
        if (why === undefined) return [];
        const option = NAMES[key] ?? key;
        const sentence = `the kernel would mount without ${option}: ${why}`;
        return [
          { sentence, hint: `leave ${option} out, or use layers that allow it: features(dir) tells`, option },
        ];
      });
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
