// The names of what a mount spec can hold, which the compiler holds to its type.
import type { MountSpec } from './mount-spec.ts';

const ALL: Record<keyof MountSpec, true> = {
  lower: true,
  data: true,
  upper: true,
  work: true,
  target: true,
  mkdir: true,
  options: true,
  attributes: true,
  propagation: true,
  source: true,
  shareUpper: true,
  shareLower: true,
  overlapLayers: true,
  mixDialects: true,
  changeLower: true,
  trustVolatile: true,
  discardWork: true,
  guard: true,
  via: true,
  rootless: true,
};

export const MOUNT_FIELDS: readonly string[] = Object.keys(ALL);
