// A throw-away overlay as it was asked for, checked and made exact without a system call.
import { type Fields, readFields } from '../format/given.ts';
import type { LayerSource, MountSpec, ScratchOptions } from '../format/mount-spec.ts';
import { refuse, wrongType } from './refuse.ts';
import { type MountRequest, readParts } from './spec.ts';
import { type Layer, readTarget, type Target } from './spec-paths.ts';

/** How much changes may take in memory; undefined is what tmpfs(5) has by default. */
export interface MemoryLimits {
  /** Bytes. */
  readonly size: number | undefined;
  readonly inodes: number | undefined;
}

/** A checked throw-away overlay. */
export interface ScratchRequest {
  /** With an upper and a work directory that are still to be made. */
  readonly request: MountRequest;
  readonly limits: MemoryLimits;
  readonly upperOn: Target | undefined;
}

const FIELDS = [
  'size',
  'inodes',
  'upperOn',
  'data',
  'options',
  'attributes',
  'rootless',
  'shareLower',
] as const;
// What the driver itself makes, and some more, so that a first change can be made.
const FEWEST = { size: 4096, inodes: 16 } as const;

function readLimit(options: ScratchOptions, name: 'size' | 'inodes'): number | undefined {
  const value: unknown = options[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'number') return wrongType(name, 'a number', value);
  if (Number.isSafeInteger(value) && value >= FEWEST[name]) return value;
  return refuse(
    'ERR_OVERLAY_INVALID_VALUE',
    { option: name },
    `${name} is ${value}, and must be a whole number of at least ${FEWEST[name]}`,
    `leave ${name} out for what the machine allows`,
  );
}

function refuseUseless(options: ScratchOptions): void {
  if (options.upperOn === undefined) return;
  for (const name of ['size', 'inodes'] as const) {
    if (options[name] === undefined) continue;
    const sentence = `${name} limits what is in memory, and upperOn puts changes on disk`;
    refuse('ERR_OVERLAY_OPTION_CONFLICT', { option: name }, sentence, `leave out ${name} or upperOn`);
  }
}

// Where upper and work are is not known yet, but that they are is.
const SOMEWHERE: { readonly upper: Layer; readonly work: Layer } = {
  upper: { option: 'upper', absolute: '/' },
  work: { option: 'work', absolute: '/' },
};

const NO_LIMITS: MemoryLimits = { size: undefined, inodes: undefined };

function readLimits(options: ScratchOptions): MemoryLimits {
  return { size: readLimit(options, 'size'), inodes: readLimit(options, 'inodes') };
}

// Part by part, as `frozen` of overlay.ts: what is spread is slow from then on.
function readRequest(
  lower: LayerSource | readonly LayerSource[],
  { data, options, attributes, rootless = 'auto', shareLower }: ScratchOptions,
): MountRequest {
  const given: { -readonly [K in keyof MountSpec]: MountSpec[K] } = { lower, rootless };
  if (data !== undefined) given.data = data;
  if (options !== undefined) given.options = options;
  if (attributes !== undefined) given.attributes = attributes;
  if (shareLower !== undefined) given.shareLower = shareLower;
  return readParts(given as Fields, SOMEWHERE);
}

/** @throws {OverlayError} those of the section "Wrong arguments" in docs/errors.md */
export function readScratch(lower: LayerSource | readonly LayerSource[], options: unknown): ScratchRequest {
  const given: ScratchOptions = readFields(options, 'options', FIELDS);
  refuseUseless(given);
  const { size, inodes, upperOn } = given;
  return {
    request: readRequest(lower, given),
    limits: size === undefined && inodes === undefined ? NO_LIMITS : readLimits(given),
    upperOn: readTarget(upperOn, 'upperOn'),
  };
}
