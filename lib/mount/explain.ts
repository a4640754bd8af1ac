// explain(): what would fail or do harm, found without mounting; the same rules that explain a mount that failed.

import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import type { MountSpec } from '../format/mount-spec.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { findAll } from './findings.ts';
import { LiveUppers } from './live-uppers.ts';
import { type MountRequest, readSpec } from './spec.ts';

function* explainRoutine(spec: unknown): Routine<Finding[]> {
  let request: MountRequest;
  try {
    request = readSpec(spec);
  } catch (error) {
    if (error instanceof OverlayError) return [...error.findings];
    throw error;
  }
  return yield* findAll(request, new LiveUppers(), true);
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
