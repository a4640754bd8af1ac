// The errors for a work directory that the kernel would empty, or that it cannot use and mounts read-only for.
import { EDQUOT, ENOSPC, errnoName } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { lookAtDirectories } from './directory-facts.ts';
import { type Heard, wordsOf } from './kernel-log.ts';
import { isThere } from './mount-facts.ts';
import { OverlayError } from './overlay-error.ts';
import type { Found } from './rule.ts';
import { type Directory, placeOf, type Subject, subjectText } from './subject.ts';
import { lookForRoom, ROOM_TO_WORK, type WorkFacts } from './work-facts.ts';

/** For an entry `work` in the work directory that is not of the driver's making. */
export function workHasData(work: Subject): OverlayError {
  return new OverlayError([
    {
      code: 'ERR_OVERLAY_WORK_HAS_DATA',
      sentence: `${subjectText(work)} holds an entry "work" that no overlay made, and that the kernel would delete`,
      hint: 'use an empty directory as work, or pass discardWork: true to lose what is there',
      ...placeOf(work),
    },
  ]);
}

const REMEDIES: Readonly<Record<number, string>> = {
  [ENOSPC]: 'free space and inodes on its filesystem',
  [EDQUOT]: 'raise the quota on its filesystem',
};

/** For a work directory that the driver cannot use; without a cause in the facts, for one that only the kernel log has. */
export function readOnlyFinding(work: Subject, { errno, stuck }: WorkFacts): Found {
  const why =
    errno !== 0
      ? `no directory can be made in it (${errnoName(errno)})`
      : stuck === undefined
        ? 'why is in the kernel log alone (dmesg)'
        : `it holds ${JSON.stringify(stuck)}, which the kernel cannot remove`;
  const remedy =
    REMEDIES[errno] ??
    (stuck === undefined
      ? 'use a work directory that this user can write to'
      : 'empty the work directory, or use a new one');
  return {
    sentence: `${subjectText(work)}: the kernel would mount read-only, since it cannot use the work directory: ${why}`,
    hint: `${remedy}; or pass attributes: { readOnly: true }`,
    ...placeOf(work),
  };
}

/** Looks why; names only what it found. @param heard while the kernel did it */
export function* becameReadOnly(
  work: Directory,
  heard: Heard | KernelError | undefined,
): Routine<OverlayError> {
  const [looked] = yield* lookAtDirectories([work], []);
  const room = isThere(looked) ? yield* lookForRoom(work, '.', looked.filesystem, true) : ROOM_TO_WORK;
  const words = heard && wordsOf(heard, [work]);
  const finding = { code: 'ERR_OVERLAY_BECAME_READ_ONLY', ...readOnlyFinding(work, room) };
  return new OverlayError([finding], undefined, words instanceof KernelError ? undefined : words);
}
