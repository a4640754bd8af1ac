// What unpacking takes besides a layer and a directory, checked.
import { parseDigest } from '../format/oci/digest.ts';
import type { Lowers } from './below.ts';
import type { WhiteoutForm } from './deletions.ts';
import { explained, failure } from './failure.ts';
import { Limits, type UnpackLimits } from './limits.ts';

/** How far it has come. */
export interface UnpackProgress {
  /** Entries of the archive. */
  readonly entries: number;
  /** Of content. */
  readonly bytes: number;
  /** Bytes of the layer as it was given, compressed. */
  readonly read: number;
}

export interface UnpackOptions {
  /**
   * `'overlay'` (default): a layer for an overlay, deletions as it reads them. `'plain'`: the files; a directory that has
   * something in it is what the layer is laid over, and its deletions are done there.
   */
  readonly format?: 'overlay' | 'plain';
  /** Which attributes are the overlay's. Default: `'trusted'` where this process may set them, else `'user'`. */
  readonly xattrs?: 'trusted' | 'user';
  /** How deletions are said in the overlay format. Default: `'auto'`. */
  readonly whiteouts?: WhiteoutForm;
  /**
   * The layers below, top first, each unpacked in the overlay format; `[]` when there are none. With them deletions of
   * what is not there are left out, which the kernel would list; hard links may lead to files of theirs; and directories
   * without an entry of their own get the attributes that they have below. A promise is waited for when they are needed.
   */
  readonly lowers?: Lowers;
  /**
   * For who may not give files to others: owners are written into `user.rootlesscontainers`, as umoci does, and what only
   * root may make or set is left out and told in `dropped`. Default: false.
   */
  readonly rootless?: boolean;
  /** What the layer without its compression has to be. */
  readonly diffId?: string;
  /** Whether all is on the disk before it has its name. Default: true; who unpacks several syncs once. */
  readonly sync?: boolean;
  readonly limits?: UnpackLimits;
  readonly onProgress?: (progress: UnpackProgress) => void;
  readonly signal?: AbortSignal;
}

type Known = keyof UnpackOptions;

const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown) =>
    values.includes(value) ? undefined : values.map((one) => JSON.stringify(one)).join(' or ');
const isA = (type: string) => (value: unknown) => (typeof value === type ? undefined : `a ${type}`);
const anything = () => undefined;

const CHECKS: Readonly<Record<Known, (value: unknown) => string | undefined>> = {
  format: oneOf('overlay', 'plain'),
  xattrs: oneOf('trusted', 'user'),
  whiteouts: oneOf('auto', 'device', 'xattr'),
  lowers: (value) => (Array.isArray(value) || value instanceof Promise ? undefined : 'a list of directories'),
  rootless: isA('boolean'),
  diffId: isA('string'),
  sync: isA('boolean'),
  limits: anything,
  onProgress: isA('function'),
  signal: (value) => (value instanceof AbortSignal ? undefined : 'an AbortSignal'),
};

/** @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_UNKNOWN_OPTION, ERR_OVERLAY_INVALID_VALUE */
export function checkUnpackOptions(options: UnpackOptions): void {
  checkAll(options, CHECKS);
  if (options.diffId !== undefined) checkDigest(options.diffId);
  void new Limits(options.limits);
}

/** Checks an object of options against a table. */
export function checkAll(
  options: unknown,
  checks: Readonly<Record<string, (value: unknown) => string | undefined>>,
): void {
  if (typeof options !== 'object' || options === null)
    throw failure('ERR_OVERLAY_INVALID_TYPE', 'options must be an object', 'pass an object, or nothing');
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      const hint = `those that exist: ${Object.keys(checks).join(', ')}`;
      throw failure('ERR_OVERLAY_UNKNOWN_OPTION', `there is no option ${name}`, hint, { option: name });
    }
    const expected = value === undefined ? undefined : check(value);
    if (expected !== undefined)
      throw failure('ERR_OVERLAY_INVALID_VALUE', `${name} must be ${expected}`, `pass ${expected}`, {
        option: name,
      });
  }
}

function checkDigest(digest: string): void {
  try {
    parseDigest(digest);
  } catch (error) {
    throw explained(error, digest);
  }
}
