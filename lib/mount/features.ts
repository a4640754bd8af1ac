// features(): what this kernel, this user and a directory can do, with failures in the words of the package.
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { type FeatureAnswer, no, unknown, yes } from '../kernel/features/answer.ts';
import { featuresRoutine, type Features as HereFeatures } from '../kernel/features/features.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { removeEmptyDirectory } from './empty-lower.ts';
import { makeFoothold } from './foothold.ts';
import { mountRoutine } from './mount.ts';
import { readTarget } from './spec-paths.ts';

/** What can be had by this process: each answer says what was tried, and what would help. */
export interface Features extends HereFeatures {
  /** Detached overlays in a user namespace, as `rootless` of `mount` and `scratch` gives them. */
  readonly rootless: FeatureAnswer;
}

function* mountAView(lower: string): Routine<FeatureAnswer> {
  try {
    const overlay = yield* mountRoutine({ lower, rootless: true });
    yield* overlay.end();
    return yes('a view of an empty directory was mounted in a user namespace');
  } catch (error) {
    if (error instanceof OverlayError) return no(error.message, error.hint);
    throw error;
  }
}

function* probeRootless(): Routine<FeatureAnswer> {
  let lower: string;
  try {
    lower = (yield* makeFoothold()).path;
  } catch (error) {
    return unknown(`no directory can be made to try it with: ${(error as Error).message}`);
  }
  try {
    return yield* mountAView(lower);
  } finally {
    yield* removeEmptyDirectory(lower);
  }
}

function* withRootless(directory?: string | Uint8Array): Routine<Features> {
  return { ...(yield* featuresRoutine(directory)), rootless: yield* probeRootless() };
}

function* explained(path: PathLike | undefined): Routine<Features> {
  const directory = readTarget(path, 'dir');
  if (directory === undefined) return yield* withRootless();
  try {
    return yield* withRootless(directory.absolute);
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
