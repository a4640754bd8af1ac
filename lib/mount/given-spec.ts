// The spec that an overlay shows: what was asked for.
import { shown } from '../diagnosis/overlay-error.ts';
import type { MountSpec } from '../format/mount-spec.ts';
import type { OwnWork } from './work-directory.ts';

/**
 * When somebody asks for it, since freezing belongs to the price of every mount.
 *
 * @param given ours, as `readSpec` has copied it
 * @param work that was made
 */
export function frozenSpec(given: Readonly<MountSpec>, work: OwnWork | undefined): Readonly<MountSpec> {
  if (Array.isArray(given.lower)) Object.freeze(given.lower);
  for (const part of [given.data, given.options, given.attributes]) Object.freeze(part);
  const made = work !== undefined && !work.throwAway;
  return Object.freeze(made ? { ...given, work: shown(work.layer.path!) } : given);
}
