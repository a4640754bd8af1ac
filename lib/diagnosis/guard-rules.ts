// What the kernel lets pass although it comes to harm, and a mount refuses unless the caller insists. Pure, as other rules.
import { type DirectoryFacts, liesIn } from './directory-facts.ts';
import { otherFirstLower } from './memory-rules.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { type Finding, shown } from './overlay-error.ts';
import { useOf } from './refused-claim.ts';
import { about, type Found } from './rule.ts';
import { type Directory, placeOf, subjectText } from './subject.ts';
import type { VolatileTrace } from './volatile-facts.ts';

/** A directory that a live overlay writes to. */
export interface LiveDirectory {
  readonly option: 'upper' | 'work';
  readonly looked: DirectoryFacts;
  /** Where that overlay is mounted; absent: a detached one of this process. */
  readonly target: Uint8Array | undefined;
}

/** A directory that a live overlay reads. */
export interface LiveReader {
  readonly identity: Buffer;
  readonly path: Buffer;
  readonly target: Uint8Array;
}

/** What is looked at for the guards besides the mount itself. */
export interface GuardFacts {
  readonly live: readonly LiveDirectory[];
  readonly readers: readonly LiveReader[];
  /** The upper's root has overlay attributes in the namespace that this mount does not read, and none in the one it does. */
  readonly otherDialect: 'user' | 'trusted' | undefined;
  readonly volatile: VolatileTrace | undefined;
}

/** What a caller can insist on. */
export interface Insists {
  readonly shareUpper?: boolean;
  readonly shareLower?: boolean;
  readonly overlapLayers?: boolean;
  readonly mixDialects?: boolean;
  readonly changeLower?: boolean;
  readonly trustVolatile?: boolean;
}

export interface GuardRule {
  readonly code: string;
  readonly insist: keyof Insists;
  readonly find: (facts: MountFacts, seen: GuardFacts) => readonly (Found | undefined)[];
}

export const lowersOf = ({ lower, data }: MountFacts): DirectoryFacts[] =>
  [...lower, ...data].filter(isThere);
export const writtenOf = ({ upper, work }: MountFacts): DirectoryFacts[] => [upper, work].filter(isThere);

/** In the words of a sentence. */
export function ownerOf(target: Uint8Array | undefined): readonly [whose: string, remedy: string] {
  if (target === undefined) return ['a detached overlay of this process', 'unmount that overlay'];
  const at = JSON.stringify(shown(target));
  return [`the overlay mounted at ${at}`, `unmount ${at}`];
}

function usedElsewhere(
  looked: DirectoryFacts,
  insist: keyof Insists,
  what: string,
  target: Uint8Array | undefined,
  harm: string,
): Found {
  const [whose, remedy] = ownerOf(target);
  const hint = `${remedy} first, use another directory, or pass ${insist}: true if you know better`;
  return {
    ...about(looked, '', hint),
    sentence: `${subjectText(looked.subject)} ${what} of ${whose}; ${harm}`,
  };
}

type Holding = (mine: DirectoryFacts, live: DirectoryFacts) => boolean | undefined;

const HOLDINGS: readonly (readonly [how: string, fits: Holding])[] = [
  ['is', (mine, live) => mine.identity.equals(live.identity)],
  ['lies in', liesIn],
  ['contains', (mine, live) => liesIn(live, mine)],
];

/** How the directory has to do with one that a live overlay writes to. */
function claimed(
  looked: DirectoryFacts,
  live: readonly LiveDirectory[],
  holdings: typeof HOLDINGS,
  harm: string,
): Found | undefined {
  for (const [how, fits] of holdings) {
    const holder = live.find((one) => fits(looked, one.looked));
    if (holder === undefined) continue;
    const { insist } = useOf(looked.subject);
    return usedElsewhere(looked, insist, `${how} the ${holder.option} directory`, holder.target, harm);
  }
  return undefined;
}

const CORRUPTS = 'two mounts on one corrupt it';
const CHANGES = 'what changes there while it is mounted is undefined here';

/** For an upper that a volatile overlay has written. */
export function dirtyUpper(upper: Directory, trace: VolatileTrace): Found {
  const incomplete = 'what was written then may be incomplete, if the machine went down';
  const insist = 'when it is known to be whole, pass trustVolatile: true';
  if (trace.by === 'note') {
    const when = trace.restarted ? ', and the machine was started anew since then' : '';
    return {
      sentence: `${subjectText(upper)} was written by a volatile overlay${when}: ${incomplete}`,
      hint: `throw it away; or, ${insist}`,
      ...placeOf(upper),
    };
  }
  const work = JSON.stringify(shown(trace.path));
  return {
    sentence:
      `${subjectText(upper)}: a volatile overlay has left its mark in ${work} (work/incompat/volatile), ` +
      `and no other upper lies beside it: ${incomplete}`,
    hint: `throw both away; or, ${insist}, or remove ${work}`,
    ...placeOf(upper),
  };
}

export const GUARD_RULES: readonly GuardRule[] = [
  {
    code: 'ERR_OVERLAY_IN_USE',
    insist: 'shareUpper',
    find: (facts, { live }) => writtenOf(facts).map((looked) => claimed(looked, live, HOLDINGS, CORRUPTS)),
  },
  {
    code: 'ERR_OVERLAY_LOWER_IN_USE',
    insist: 'shareLower',
    find: (facts, { live }) =>
      lowersOf(facts).map((looked) => claimed(looked, live, HOLDINGS.slice(0, 2), CHANGES)),
  },
  {
    code: 'ERR_OVERLAY_UPPER_IS_LOWER',
    insist: 'shareUpper',
    find: (facts, { readers }) =>
      writtenOf(facts).map((looked) => {
        const reader = readers.find(({ identity }) => identity.equals(looked.identity));
        const harm = 'what is written here changes what that overlay shows, in ways that are undefined';
        return reader && usedElsewhere(looked, 'shareUpper', 'is a lower directory', reader.target, harm);
      }),
  },
  {
    code: 'ERR_OVERLAY_UPPER_IN_LOWER',
    insist: 'overlapLayers',
    find: (facts) =>
      writtenOf(facts).map((looked) => {
        const around = lowersOf(facts).find(
          (lower) => !lower.identity.equals(looked.identity) && liesIn(looked, lower),
        );
        if (around === undefined) return undefined;
        const sentence = `it lies in ${subjectText(around.subject)}, and in the overlay that directory will answer ELOOP`;
        return about(
          looked,
          sentence,
          'put it beside the lower directories, or pass overlapLayers: true if that is well',
        );
      }),
  },
  {
    code: 'ERR_OVERLAY_OTHER_DIALECT',
    insist: 'mixDialects',
    find: ({ upper }, { otherDialect }) => {
      if (!isThere(upper) || otherDialect === undefined) return [];
      const [sentence, hint] =
        otherDialect === 'trusted'
          ? [
              'an overlay without userxattr has written it, whose notes userxattr ignores',
              'leave userxattr out',
            ]
          : [
              'an overlay with userxattr has written it, whose notes are ignored without',
              'give userxattr: true',
            ];
      const harm = 'deleted directories come back, and renamed or metacopy files lose their content';
      return [
        about(
          upper,
          `${sentence}: ${harm}`,
          `${hint}, start with an empty upper, or pass mixDialects: true if you know better`,
        ),
      ];
    },
  },
  {
    code: 'ERR_OVERLAY_OTHER_LOWER',
    insist: 'changeLower',
    // With an index the kernel refuses it.
    find: (facts) => (facts.upperFacts.remembered.compared ? [] : [otherFirstLower(facts)]),
  },
  {
    code: 'ERR_OVERLAY_DIRTY_UPPER',
    insist: 'trustVolatile',
    find: ({ upper }, { volatile }) =>
      isThere(upper) && volatile !== undefined ? [dirtyUpper(upper.subject, volatile)] : [],
  },
];

export const GUARD_CODES: ReadonlySet<string> = new Set(GUARD_RULES.map(({ code }) => code));

/** What the guards refuse and the caller does not insist on, in the order of the rules. */
export function findGuarded(facts: MountFacts, seen: GuardFacts, insists: Insists): Finding[] {
  return GUARD_RULES.filter(({ insist }) => !insists[insist]).flatMap(({ code, find }) =>
    find(facts, seen).flatMap((found) => (found === undefined ? [] : [{ code, ...found }])),
  );
}
