// A mount as it was asked for, checked and made exact: absolute paths, kernel parameters, attribute bits.
import { checkField, copyOf, type Fields, FLAG, readFields } from '../format/given.ts';
import { MOUNT_FIELDS } from '../format/mount-fields.ts';
import type { Guard, MountAttributes, MountSpec, MountVia, Propagation } from '../format/mount-spec.ts';
import type { Parameter } from '../format/options.ts';
import { refuse, wrongType } from './refuse.ts';
import { readAttributes, readOptions, refusePart } from './spec-options.ts';
import { type Layer, readLayer, readLayers, readTarget, type Target } from './spec-paths.ts';

/** A checked mount. */
export interface MountRequest {
  readonly given: Readonly<MountSpec>;
  readonly lower: readonly Layer[];
  readonly data: readonly Layer[];
  readonly upper: Layer | undefined;
  readonly work: Layer | undefined;
  readonly target: Target | undefined;
  readonly parameters: readonly Parameter[];
  readonly attributes: MountAttributes;
  readonly attributeBits: number;
  readonly propagation: Propagation | undefined;
  readonly source: string;
  readonly shareUpper: boolean;
  readonly shareLower: boolean;
  readonly overlapLayers: boolean;
  readonly mixDialects: boolean;
  readonly changeLower: boolean;
  readonly trustVolatile: boolean;
  readonly discardWork: boolean;
  readonly guard: Guard;
  readonly via: MountVia;
  readonly mkdir: boolean;
  /** `true`, once it is decided, has the request in the form that a user namespace can give. */
  readonly rootless: boolean | 'auto';
  /** Without root, with the ids of others that this user was given. */
  readonly idRanges: boolean;
}

/** Lower and data layers together; the kernel's OVL_MAX_STACK. */
export const LAYER_LIMIT = 500;

function readFlag(name: string, value: unknown): boolean {
  checkField(name, value, FLAG);
  return value === true;
}

function readChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  if (choices.includes(value as T)) return value as T;
  const listed = choices.map((choice) => `'${choice}'`).join(', ');
  if (typeof value !== 'string') return wrongType(name, `one of ${listed}`, value);
  return refuse(
    'ERR_OVERLAY_INVALID_VALUE',
    { option: name },
    `${name} is ${JSON.stringify(value)}, which is none of ${listed}`,
    `use one of ${listed}`,
  );
}

function readRootless({ rootless }: Fields): boolean | 'auto' {
  if (rootless === undefined) return false;
  if (rootless === 'auto' || typeof rootless === 'boolean') return rootless;
  if (rootless === 'ranges') return true;
  return wrongType('rootless', "true, false, 'auto' or 'ranges'", rootless);
}

function readSource(fields: Fields): string {
  const { source } = fields;
  if (source === undefined) return 'overlay';
  if (typeof source !== 'string') return wrongType('source', 'a string', source);
  // The kernel takes "" for no source at all, and fsconfig(2) no more than 255 bytes.
  if (source === '' || source.includes('\0') || Buffer.byteLength(source) > 255) {
    refuse(
      'ERR_OVERLAY_INVALID_VALUE',
      { option: 'source' },
      'source must be 1 to 255 bytes without a NUL byte',
      'leave source out for "overlay"',
    );
  }
  return source;
}

function checkLayers(lower: readonly Layer[], data: readonly Layer[], fields: Fields): void {
  if (lower.length === 0) {
    refuse(
      'ERR_OVERLAY_NO_LOWER',
      { option: 'lower' },
      fields.lower === undefined ? 'lower is missing' : 'lower is an empty list',
      'name at least one lower directory',
    );
  }
  if (lower.length + data.length > LAYER_LIMIT) {
    refuse(
      'ERR_OVERLAY_TOO_MANY_LAYERS',
      { option: lower.length > LAYER_LIMIT ? 'lower' : 'data' },
      `${lower.length + data.length} lower and data layers; the kernel takes ${LAYER_LIMIT}`,
      'merge some of the layers into one directory',
    );
  }
  if (fields.work !== undefined && fields.upper === undefined) {
    refuse(
      'ERR_OVERLAY_WORK_WITHOUT_UPPER',
      { option: 'work' },
      'work is given without upper: the kernel would ignore it and mount read-only',
      'give upper too, or leave work out for a read-only view',
    );
  }
}

function copyOfOptions(options: unknown): unknown {
  const copy = copyOf(options, 'options');
  if (typeof copy !== 'object' || copy === null || !('raw' in copy)) return copy;
  return { ...copy, raw: copyOf(copy.raw, 'raw') };
}

const PROPAGATIONS: readonly Propagation[] = ['private', 'slave', 'shared', 'unbindable'];
const GUARDS: readonly Guard[] = ['quick', 'kernel'];
const WAYS: readonly MountVia[] = ['auto', 'fsopen', 'mount'];

const noAttributes: MountAttributes = Object.freeze({});
const noParameters: readonly Parameter[] = [];

/**
 * Checks a spec without any system call.
 *
 * @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE and the others of the section "Wrong arguments" in docs/errors.md
 */
export function readSpec(spec: unknown): MountRequest {
  return readParts(readFields(spec, 'spec', MOUNT_FIELDS, refusePart));
}

/**
 * The same of parts that were read.
 *
 * @param fields ours, and the request's from now on
 * @param made upper and work that are not the spec's, but ours
 */
export function readParts(fields: Fields, made?: Pick<MountRequest, 'upper' | 'work'>): MountRequest {
  // Copies: the caller may change what it gave before the mount is made.
  if (Array.isArray(fields.lower)) fields.lower = fields.lower.slice();
  if (Array.isArray(fields.data)) fields.data = fields.data.slice();
  if (fields.options !== undefined) fields.options = copyOfOptions(fields.options);
  if (fields.attributes !== undefined) fields.attributes = copyOf(fields.attributes, 'attributes');
  const lower = readLayers(fields.lower, 'lower');
  const data = readLayers(fields.data, 'data');
  checkLayers(lower, data, fields);
  const upper = fields.upper === undefined ? made?.upper : readLayer(fields.upper, 'upper');
  const { options, attributes } = fields;
  const shape = { upper: upper !== undefined, data: data.length > 0 };
  const parameters = options === undefined ? noParameters : readOptions(options, shape);
  const attributeBits = attributes === undefined ? 0 : readAttributes(attributes);
  return {
    given: fields as unknown as MountSpec,
    lower,
    data,
    upper,
    work: fields.work === undefined ? made?.work : readLayer(fields.work, 'work'),
    target: readTarget(fields.target),
    parameters,
    attributes: attributes === undefined ? noAttributes : (attributes as MountAttributes),
    attributeBits,
    propagation: readChoice('propagation', fields.propagation, PROPAGATIONS),
    source: readSource(fields),
    shareUpper: readFlag('shareUpper', fields.shareUpper),
    shareLower: readFlag('shareLower', fields.shareLower),
    overlapLayers: readFlag('overlapLayers', fields.overlapLayers),
    mixDialects: readFlag('mixDialects', fields.mixDialects),
    changeLower: readFlag('changeLower', fields.changeLower),
    trustVolatile: readFlag('trustVolatile', fields.trustVolatile),
    discardWork: readFlag('discardWork', fields.discardWork),
    guard: readChoice('guard', fields.guard, GUARDS) ?? 'quick',
    via: readChoice('via', fields.via, WAYS) ?? 'auto',
    mkdir: readFlag('mkdir', fields.mkdir),
    rootless: readRootless(fields),
    idRanges: fields.rootless === 'ranges',
  };
}
