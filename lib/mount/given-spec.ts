// The spec that an overlay shows: what was asked for, whatever the caller does with his objects later.
import { shown } from '../diagnosis/overlay-error.ts';
import type { MountSpec } from '../format/mount-spec.ts';
import type { OwnWork } from './work-directory.ts';

/** What the caller may change is copied at once; part by part, since this belongs to the price of every mount. */
export function copiedSpec(given: Readonly<MountSpec>): MountSpec {
  const copy: { -readonly [K in keyof MountSpec]: MountSpec[K] } = { ...given };
  if (Array.isArray(copy.lower)) copy.lower = copy.lower.slice();
  if (copy.data !== undefined) copy.data = copy.data.slice();
  if (copy.options !== undefined) copy.options = { ...copy.options };
  if (copy.attributes !== undefined) copy.attributes = { ...copy.attributes };
  return copy;
}

/** The copy when somebody asks for it, with the work directory that was made. */
export function frozenSpec(copy: MountSpec, work: OwnWork | undefined): Readonly<MountSpec> {
  if (Array.isArray(copy.lower)) Object.freeze(copy.lower);
  for (const part of [copy.data, copy.options, copy.attributes]) Object.freeze(part);
  const made = work !== undefined && !work.throwAway;
  return Object.freeze(made ? { ...copy, work: shown(work.layer.path!) } : copy);
}
