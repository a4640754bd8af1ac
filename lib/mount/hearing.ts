// An attempt at a mount with an ear at the kernel log, for one that is expected to fail.
import { type Heard, openEar } from '../diagnosis/kernel-log.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { close } from '../kernel/call.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { FailedStep, type Made } from './made.ts';

/** The calls that the driver answers, or after which it is found to have made something else than was asked for. */
const ANSWERS: readonly string[] = ['fsconfig', 'mount', 'require_bits_clear'];

/** Whether the driver may have had something to say of this failure. */
export function mayBeHeard(error: KernelError): boolean {
  return ANSWERS.includes(error.syscall);
}

/** The attempt; when a step of it fails, the FailedStep has what was heard. */
export function* hearing(attempt: Routine<Made>): Routine<Made> {
  const ear = yield* openEar();
  try {
    return yield* attempt;
  } catch (error) {
    if (error instanceof FailedStep) error.heard = ear instanceof KernelError ? ear : yield* ear.hear();
    throw error;
  } finally {
    if (!(ear instanceof KernelError)) ear.close();
  }
}

/**
 * What was heard of the failure. Who did not listen has to ask again.
 *
 * @param again the attempt once more, detached: what comes of it is let go
 */
export function* heardOf(failed: FailedStep, again: Routine<Made>): Routine<Heard | KernelError | undefined> {
  if (failed.heard !== undefined) return failed.heard;
  try {
    const made = yield* hearing(again);
    for (const fd of [made.mount, ...made.claims]) if (fd !== undefined) close(fd);
    return undefined;
  } catch (error) {
    if (error instanceof FailedStep) return error.heard;
    if (error instanceof OverlayError) return undefined;
    throw error;
  }
}
