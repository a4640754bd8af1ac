// From the failed step of a mount's plan to the error that says what is wrong.
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import type { OverlayError } from '../diagnosis/overlay-error.ts';
import { becameReadOnly, workHasData } from '../diagnosis/unfit-work.ts';
import type { Routine } from '../kernel/routine.ts';
import { heardOf, mayBeHeard } from './hearing.ts';
import { type FailedStep, type Made, pathed } from './made.ts';
import type { MountRequest } from './spec.ts';

/** @param again the attempt once more, detached, to hear what the driver says of it */
export function* explainStep(
  failed: FailedStep,
  request: MountRequest,
  again?: () => Routine<Made>,
): Routine<OverlayError> {
  const { lower, data, upper, work, target } = request;
  const { error, subject } = failed;
  const hear = again && mayBeHeard(error) ? () => heardOf(failed, again()) : undefined;
  if (error.syscall === 'require_bits_clear') {
    return subject?.option === 'work'
      ? workHasData(work!)
      : yield* becameReadOnly(pathed(work!), hear && (yield* hear()));
  }
  const directories = [...lower, ...data, upper, work, target].filter((dir) => dir !== undefined);
  return yield* explainMountFailure(error, { directories, subject, asked: request, hear });
}
