// How much a layer may bring, so that a small one from a stranger cannot fill a disk.
import { copyOf, wrongType } from '../format/given.ts';
import { failure } from './failure.ts';

/** Absent ones have their default. */
export interface UnpackLimits {
  /** Of the content of all files, holes included. Default: 1 TiB. */
  readonly bytes?: number;
  /** Entries of the archive. Default: 10 million. */
  readonly entries?: number;
  /** Names in a path. Default: 512. */
  readonly depth?: number;
  /** How many times larger than compressed, once that is over 64 MiB. Default: 300. */
  readonly ratio?: number;
}

export const DEFAULT_LIMITS: Required<UnpackLimits> = {
  bytes: 2 ** 40,
  entries: 10_000_000,
  depth: 512,
  ratio: 300,
};

// Small things compress as they like.
const RATIO_COUNTS_FROM = 64 * 1024 * 1024;

/**
 * All of them, those that a caller gave in the place of their defaults.
 *
 * @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_UNKNOWN_OPTION, ERR_OVERLAY_INVALID_VALUE
 */
export function readLimits(value: unknown): Required<UnpackLimits> {
  const limits = value === undefined ? {} : copyOf(value, 'limits');
  if (typeof limits !== 'object' || limits === null || Array.isArray(limits))
    return wrongType('limits', 'an object, as { bytes, entries }', limits);
  const all = { ...DEFAULT_LIMITS };
  for (const [name, most] of Object.entries(limits)) {
    const option = `limits.${name}`;
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      const hint = `those that exist: ${Object.keys(DEFAULT_LIMITS).join(', ')}`;
      throw failure('ERR_OVERLAY_UNKNOWN_OPTION', `there is no option ${option}`, hint, { option });
    }
    if (most === undefined) continue;
    if (typeof most !== 'number') return wrongType(option, 'a number above 0', most);
    if (!(most > 0))
      throw failure('ERR_OVERLAY_INVALID_VALUE', `${option} must be a number above 0`, 'leave it out', {
        option,
      });
    all[name as keyof UnpackLimits] = most;
  }
  return all;
}

/** What one layer has brought so far, held against the limits. */
export class Limits {
  readonly #most: Required<UnpackLimits>;
  #bytes = 0;
  #entries = 0;

  /** @param limits as {@link readLimits} gives them */
  constructor(limits: Required<UnpackLimits> = DEFAULT_LIMITS) {
    this.#most = limits;
  }

  /** An entry of `size` bytes, `depth` names deep. @throws {OverlayError} ERR_OVERLAY_LAYER_LIMIT */
  entry(size: number, depth: number): void {
    this.#entries += 1;
    this.#bytes += size;
    const { entries, bytes } = this.#most;
    if (this.#entries > entries) throw exceeded('entries', `it has more than ${entries} entries`);
    if (this.#bytes > bytes) throw exceeded('bytes', `its files have more than ${bytes} bytes`);
    this.depth(depth);
  }

  depth(depth: number): void {
    if (depth > this.#most.depth)
      throw exceeded('depth', `a path in it has more than ${this.#most.depth} names`);
  }

  /** Bytes before and after decompression, so far. */
  ratio(compressed: number, uncompressed: number): void {
    const { ratio } = this.#most;
    if (uncompressed > RATIO_COUNTS_FROM && uncompressed > ratio * compressed)
      throw exceeded('ratio', `it becomes more than ${ratio} times larger when decompressed`);
  }
}

function exceeded(name: keyof UnpackLimits, problem: string) {
  return failure(
    'ERR_OVERLAY_LAYER_LIMIT',
    `the layer goes beyond a limit: ${problem}`,
    `if the layer is to be trusted, raise limits.${name}`,
    { option: `limits.${name}` },
  );
}
