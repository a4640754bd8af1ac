// features(): what this kernel, this user and a directory can do, with failures in the words of the package.
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { type Features, featuresRoutine } from '../kernel/features/features.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { readTarget } from './spec-paths.ts';

function* explained(path: PathLike | undefined): Routine<Features> {
  const directory = readTarget(path, 'dir');
  if (directory === undefined) return yield* featuresRoutine();
  try {
    return yield* featuresRoutine(directory.absolute);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw yield* explainMountFailure(error, { directories: [directory], subject: directory });
  }
}

/**
 * Finds out by trying, in a scratch place that leaves no trace; takes some 20 ms to 60 ms.
 *
 * @param dir a directory whose filesystem is looked at too: what it can be used for
 * @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_NOT_FOUND and the like, all about `dir` alone: what the
 *   kernel lacks is an answer
 */
export async function features(dir?: PathLike): Promise<Features> {
  return await runAsync(explained(dir));
}

/** {@link features} without a promise. */
export function featuresSync(dir?: PathLike): Features {
  return runSync(explained(dir));
}
