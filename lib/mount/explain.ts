// explain(): what would fail or do harm, found without mounting; the same rules that explain a mount that failed.

import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import type { MountSpec } from '../format/mount-spec.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { explainedNamespace } from './explained-namespace.ts';
import { findAll } from './findings.ts';
import { LiveUppers } from './live-uppers.ts';
import { decideRootless } from './rootless.ts';
import { readSpec } from './spec.ts';

function* explainRoutine(spec: unknown): Routine<Finding[]> {
  try {
    const request = yield* decideRootless(readSpec(spec));
    if (request.rootless) yield* explainedNamespace(request);
    return yield* findAll(request, new LiveUppers(), true);
  } catch (error) {
    // It is no request yet, or has no place to be mounted in.
    if (error instanceof OverlayError) return [...error.findings];
    throw error;
  }
}

/**
 * What would fail or be dangerous, the first cause first; `[]` when nothing is found. Mounts nothing that stays, makes
 * nothing. Takes some milliseconds: the kernel is asked whether upper and work are in use.
 */
export async function explain(spec: MountSpec): Promise<Finding[]> {
  return await runAsync(explainRoutine(spec));
}

/** {@link explain} without a promise. */
export function explainSync(spec: MountSpec): Finding[] {
  return runSync(explainRoutine(spec));
}
