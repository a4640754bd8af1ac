// What an upper or its index remembers of other directories than those of this mount, which the kernel calls stale.
import type { Origin } from '../format/origin.ts';
import { STATX_ATTR_APPEND, STATX_ATTR_IMMUTABLE } from '../kernel/constants.ts';
import { EINVAL, ENOTDIR, EPERM, ESTALE } from '../kernel/errno.ts';
import type { DirectoryFacts } from './directory-facts.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { about, type Found, type Rule } from './rule.ts';
import { placeOf, subjectText } from './subject.ts';

// linux/magic.h: ext4, xfs, btrfs, tmpfs, squashfs, f2fs. Handles of the same form hold something else elsewhere: FUSE its
// own number of the node, erofs the halves of the inode's in the other order.
export const NAMING_INODES: readonly number[] = [
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x73717368, 0xf2f52010,
];

/**
 * Why the remembered directory is not this one; undefined when it may be. An inode's number is used again, but a directory
 * that was made after the index cannot be the one that was used with it.
 */
function difference(origin: Origin, looked: DirectoryFacts, indexBorn: bigint): string | undefined {
  const { inode } = looked.stat;
  const tells = NAMING_INODES.includes(looked.filesystem.type);
  if (tells && origin.inode !== undefined && origin.inode !== inode) {
    return `it was inode ${origin.inode} then, and is inode ${inode} now`;
  }
  return indexBorn > 0n && looked.born > indexBorn ? 'it was made after that use' : undefined;
}

/** The upper notes another first lower than that of this mount. */
export function otherFirstLower({
  upper,
  lower: [first],
  upperFacts: { remembered },
}: MountFacts): Found | undefined {
  if (remembered.lower === undefined || !isThere(upper) || !isThere(first)) return undefined;
  const why = difference(remembered.lower, first, remembered.indexBorn);
  if (why === undefined) return undefined;
  const harm = remembered.compared
    ? 'index or nfs_export hold it to that'
    : 'what it hides and renames is of that one';
  return {
    sentence:
      `${subjectText(upper.subject)} was used with another directory than ${subjectText(first.subject)} ` +
      `as its first lower (${why}), and ${harm}`,
    hint:
      'use the lower that upper was made with, start with an empty upper and work directory, ' +
      'or pass changeLower: true if you know better',
    ...placeOf(upper.subject),
  };
}

const UNFIT = 'ERR_OVERLAY_INDEX_UNFIT';
const FIXED = BigInt(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND);

const aboutWork = ({ work }: MountFacts, sentence: string, hint: string): Found[] =>
  isThere(work) ? [about(work, sentence, hint)] : [];

function fixedIndex(facts: MountFacts): Found[] {
  return facts.index.fixed
    ? aboutWork(
        facts,
        '"index" in it is immutable or append-only, so that index and nfs_export cannot note in it whose it is',
        'take the flag away (chattr -ia), or give an empty work directory',
      )
    : [];
}

function fixedUpper({ upper, upperFacts: { remembered } }: MountFacts): Found[] {
  const noted = remembered.lower !== undefined;
  if (!isThere(upper) || !remembered.compared || noted || (upper.stat.attributes & FIXED) === 0n) return [];
  return [
    about(
      upper,
      'it is immutable or append-only, so that index and nfs_export cannot note in it what it belongs to',
      'take the flag away (chattr -ia), or use another upper',
    ),
  ];
}

/** What lies where the index is to be. */
const INDEX_RULES: readonly Rule[] = [
  {
    code: UNFIT,
    errnos: [ENOTDIR],
    find: (facts) =>
      facts.index.noDirectory
        ? aboutWork(
            facts,
            'its entry "index" is no directory, and an overlay with index or nfs_export keeps its index there',
            'remove or rename that entry, or give an empty work directory',
          )
        : [],
  },
  {
    code: UNFIT,
    errnos: [EINVAL],
    find: (facts) =>
      facts.index.foreign === undefined
        ? []
        : aboutWork(
            facts,
            `its index, which index and nfs_export use, has an entry that no overlay made: ${JSON.stringify(`index/${facts.index.foreign}`)}`,
            'remove that entry, or give an empty work directory',
          ),
  },
  {
    code: UNFIT,
    errnos: [EPERM],
    find: (facts) => [...fixedIndex(facts), ...fixedUpper(facts)],
  },
];

export const MEMORY_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_OTHER_LOWER',
    errnos: [ESTALE],
    find: (facts) => {
      const compared = facts.upperFacts.remembered.compared && !facts.asked.changeLower;
      const found = compared ? otherFirstLower(facts) : undefined;
      return found === undefined ? [] : [found];
    },
  },
  {
    code: 'ERR_OVERLAY_OTHER_UPPER',
    errnos: [ESTALE],
    find: ({ upper, work, upperFacts: { remembered } }) => {
      if (!remembered.compared || remembered.upper === undefined) return [];
      if (!isThere(upper) || !isThere(work)) return [];
      const why = difference(remembered.upper, upper, remembered.indexBorn);
      if (why === undefined) return [];
      return [
        {
          sentence:
            `${subjectText(work.subject)}: the index in it belongs to another directory than ` +
            `${subjectText(upper.subject)} (${why}); was upper copied or replaced?`,
          hint: 'give an empty work directory, or leave work out; hard links that the index kept are then separate files',
          ...placeOf(work.subject),
        },
      ];
    },
  },
  ...INDEX_RULES,
];
