// A directory of our own in one of the user's that cannot be made, with the reason why not.
import { explainMakingIn } from '../diagnosis/making.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import type { Directory } from '../diagnosis/subject.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';

/**
 * @param plain errnos (positive) that whoever calls tells of himself
 * @throws {OverlayError} ERR_OVERLAY_NOT_MADE, when mkdirat(2) fails in the directory and the look at it tells why
 */
export function* madeIn<T>(
  directory: Directory,
  attempt: Routine<T>,
  plain: readonly number[] = [],
): Routine<T> {
  try {
    return yield* attempt;
  } catch (error) {
    if (!(error instanceof KernelError) || error.syscall !== 'mkdirat' || plain.includes(-error.errno))
      throw error;
    const finding = yield* explainMakingIn(directory);
    throw finding === undefined ? error : new OverlayError([finding], error);
  }
}
