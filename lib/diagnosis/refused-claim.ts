// The error for an upper or work directory that somebody else has.
import { AT_FDCWD, STATX_INO } from '../kernel/constants.ts';
import type { KernelError } from '../kernel/kernel-error.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { firstInUse, type Used } from './in-use.ts';
import { type LockHolder, lockHolders } from './lock-holders.ts';
import { OverlayError, shown } from './overlay-error.ts';
import { type Directory, placeOf, type Subject, subjectText } from './subject.ts';

/** An upper or work directory of the refused mount. */
export interface Claimed extends Subject {
  readonly absolute: string | Uint8Array;
}

const quote = (path: string | Uint8Array) => JSON.stringify(shown(path));

/** A directory to write to that somebody has, and one to read that somebody writes to, are two things to insist on. */
export function useOf({ option }: Subject): {
  readonly code: string;
  readonly insist: 'shareUpper' | 'shareLower';
} {
  return option === 'upper' || option === 'work'
    ? { code: 'ERR_OVERLAY_IN_USE', insist: 'shareUpper' }
    : { code: 'ERR_OVERLAY_LOWER_IN_USE', insist: 'shareLower' };
}

function inUse(
  subject: Subject,
  sentence: string,
  hint: string,
  cause?: KernelError,
  code: string = 'ERR_OVERLAY_IN_USE',
): OverlayError {
  const finding = { code, sentence: `${subjectText(subject)} ${sentence}`, hint };
  return new OverlayError([{ ...finding, ...placeOf(subject) }], cause);
}

/** An error when both are one directory, which would look like a directory in use. */
export function* upperIsWork(upper: Claimed, work: Claimed): Routine<OverlayError | undefined> {
  const look = new Program();
  const steps = [upper, work].map(({ absolute }) =>
    look.add('statx', MAY_FAIL | WANT, AT_FDCWD, absolute, 0, STATX_INO),
  );
  yield* look.run();
  const [one, other] = steps.map((step) => look.bytes(step));
  if (one === undefined || other === undefined) return undefined;
  if (!identityOf(one).equals(identityOf(other))) return undefined;
  return new OverlayError([
    {
      code: 'ERR_OVERLAY_UPPER_IS_WORK',
      sentence: `${subjectText(work)} is the same directory as upper; the kernel wants two`,
      hint: 'give another empty directory of the same filesystem as work, or leave work out',
      ...placeOf(work),
    },
  ]);
}

function lockedBy(claimed: Claimed, holders: readonly LockHolder[], cause?: KernelError): OverlayError {
  const named = holders.map(({ pid, command }) =>
    pid === process.pid ? 'this process' : `process ${pid}${command === undefined ? '' : ` (${command})`}`,
  );
  const who = named.length === 0 ? 'a process that cannot be seen from here' : named.join(', ');
  return inUse(
    claimed,
    `is locked by ${who}, as an upper or work is while a process has an overlay of this package on it`,
    'unmount that overlay, use another directory, or pass shareUpper: true if you know better',
    cause,
  );
}

/** For a directory whose lock is held, while no overlay of the mount table has it. */
export function* lockedClaim(claimed: Claimed, cause: KernelError): Routine<OverlayError> {
  return lockedBy(claimed, yield* lockHolders(claimed.absolute), cause);
}

/** The same without trying to lock: an error when /proc/locks shows a holder. */
export function* lockHeld(claimed: Claimed): Routine<OverlayError | undefined> {
  const holders = yield* lockHolders(claimed.absolute);
  return holders.length === 0 ? undefined : lockedBy(claimed, holders);
}

/** The directory that is in use, in words. */
export function usedText({ path, itself }: Used): string {
  return itself ? quote(path) : `a directory that ${quote(path)} lies in, and that its mount does not show,`;
}

/**
 * For guard 'kernel': an error when the kernel says that one of them, or one above it, belongs to a live overlay.
 *
 * @param before run when one may; may throw what it knows, such as who it is
 */
export function* kernelClaim(
  claimed: readonly Directory[],
  before?: () => Routine<void>,
): Routine<OverlayError | undefined> {
  const used = yield* firstInUse(claimed, before);
  if (used === undefined) return undefined;
  const { code, insist } = useOf(used.directory);
  return inUse(
    used.directory,
    `is in use: the kernel says that ${usedText(used)} is the upper or work of a live overlay, ` +
      'which another mount namespace may have, or which was unmounted lazily',
    `end the processes that use that overlay, use another directory, or pass ${insist}: true if you know better`,
    undefined,
    code,
  );
}
