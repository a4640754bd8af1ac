// The errors for a work directory that the kernel would empty, or that it cannot use and mounts read-only for.
import { EACCES, EDQUOT, ENOENT, ENOSPC, EPERM, EROFS, errnoName } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { lookAtDirectories } from './directory-facts.ts';
import { type Heard, wordsOf } from './kernel-log.ts';
import { isThere } from './mount-facts.ts';
import { OverlayError } from './overlay-error.ts';
import type { Found } from './rule.ts';
import { type Directory, placeOf, type Subject, subjectText } from './subject.ts';
import { lookForRoom, ROOM_TO_WORK, type Stuck, type WorkFacts } from './work-facts.ts';

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

const STAYS: Readonly<Record<Stuck['why'], string>> = {
  fixed: 'it is immutable or append-only (chattr)',
  mounted: 'something is mounted on it',
  deep: 'the kernel empties no directories so deep',
};

const FREES: Readonly<Record<Stuck['why'], string>> = {
  fixed: 'take the flag away (chattr -ia), or use a new work directory',
  mounted: 'unmount that, or use a new work directory',
  deep: 'empty the work directory, or use a new one',
};

/** Why no directory can be made in one, and what helps; `what`: upper or work. */
export function noRoom({ errno, immutable, removed }: WorkFacts, what: string): [why: string, hint: string] {
  const name = errnoName(errno);
  const no = `no directory can be made in it (${name})`;
  if (errno === ENOSPC) return [no, 'free space and inodes on its filesystem'];
  if (errno === EDQUOT) return [no, 'raise the quota on its filesystem'];
  if (errno === EPERM && immutable) {
    return [`it is immutable (chattr +i), so that ${no}`, 'take the flag away (chattr -i)'];
  }
  if (errno === ENOENT && removed) return [`it has been removed (${name})`, `use a ${what} that exists`];
  if (errno === EROFS) {
    return [
      `it is on something read-only (${name})`,
      'use an upper and a work directory that can be written',
    ];
  }
  if (errno === EACCES) return [no, `use a ${what} directory that this user can write to`];
  return [no, 'put upper and work on a filesystem such as ext4, xfs, btrfs or tmpfs'];
}

/** For a work directory that the driver cannot use; without a cause in the facts, for one that only the kernel log has. */
export function readOnlyFinding(work: Subject, facts: WorkFacts): Found {
  const { errno, stuck } = facts;
  const [why, remedy] =
    errno !== 0
      ? noRoom(facts, 'work')
      : stuck === undefined
        ? ['why is in the kernel log alone (dmesg)', 'use a new work directory']
        : [
            `it holds ${JSON.stringify(stuck.path)}, which the kernel cannot remove: ${STAYS[stuck.why]}`,
            FREES[stuck.why],
          ];
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
