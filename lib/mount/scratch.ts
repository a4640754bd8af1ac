// scratch(): a throw-away copy-on-write view of directories, mounted nowhere, made with root or without.
import type { LayerSource, ScratchOptions } from '../format/mount-spec.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { performScratch } from './perform-scratch.ts';
import { decideRootless } from './rootless.ts';
import { scratchOnDisk } from './scratch-on-disk.ts';
import { type Scratch, ScratchOverlay, type ScratchSource } from './scratch-overlay.ts';
import { readScratch } from './scratch-spec.ts';

function* nothing(): Routine<void> {}

/** The body of {@link scratch}. @param table mountinfo, where it has been read for something else just now */
export function* scratchRoutine(
  lower: LayerSource | readonly LayerSource[],
  options: ScratchOptions,
  table?: Buffer,
): Routine<ScratchOverlay> {
  const { request: asked, limits, upperOn } = readScratch(lower, options);
  const request = asked.rootless === false ? asked : yield* decideRootless(asked);
  if (upperOn !== undefined) return yield* scratchOnDisk(request, upperOn);
  const make = () => performScratch(request, limits);
  const source: ScratchSource = { make, tidy: nothing, own: undefined };
  return new ScratchOverlay(request, yield* performScratch(request, limits, table), source);
}

/**
 * Makes a throw-away copy-on-write view of `lower` (several: top first). Changes are kept in memory, or below
 * `options.upperOn`; nothing of them is left when the overlay ends. In memory, nothing is left of it when the process
 * ends either, however it ends.
 *
 * @throws {OverlayError} see docs/errors.md
 */
export async function scratch(
  lower: LayerSource | readonly LayerSource[],
  options: ScratchOptions = {},
): Promise<Scratch> {
  return await runAsync(scratchRoutine(lower, options));
}

/** {@link scratch} without a promise: blocks this thread for as long as the kernel needs. */
export function scratchSync(
  lower: LayerSource | readonly LayerSource[],
  options: ScratchOptions = {},
): Scratch {
  return runSync(scratchRoutine(lower, options));
}
