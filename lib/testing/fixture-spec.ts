// What a fixture is described with, checked when it is described and not first in a test.
import { copyOf } from '../format/given.ts';
import type { LayerSource, ScratchOptions } from '../format/mount-spec.ts';
import { refuse, wrongType } from '../mount/refuse.ts';
import { readScratch } from '../mount/scratch-spec.ts';

/** The directories that a fork shows, top first. */
export type FixtureLowers = LayerSource | readonly LayerSource[];
/** The directories, or what says them when the first fork is made. */
export type FixtureSource = FixtureLowers | (() => FixtureLowers | Promise<FixtureLowers>);

export interface FixtureOptions extends ScratchOptions {
  /**
   * How many forks are made ahead, while a test runs with one; 0 for none. Default 2 in memory. On disk none: those would
   * stay there when the process ends.
   */
  readonly pool?: number;
}

export interface FixtureSpec {
  /** The directories, by paths that do not depend on the current directory. */
  readonly lowers: () => Promise<readonly LayerSource[]>;
  readonly options: ScratchOptions;
  readonly pool: number;
}

const POOL = 2;
const LARGEST_POOL = 64;

function readPool(pool: unknown, onDisk: boolean): number {
  if (pool === undefined) return onDisk ? 0 : POOL;
  if (typeof pool !== 'number') return wrongType('pool', 'a number', pool);
  if (onDisk && pool > 0) {
    const sentence = 'upperOn puts changes on disk, where forks that no test has had would stay';
    return refuse('ERR_OVERLAY_OPTION_CONFLICT', { option: 'pool' }, sentence, 'leave out pool or upperOn');
  }
  if (Number.isInteger(pool) && pool >= 0 && pool <= LARGEST_POOL) return pool;
  return refuse(
    'ERR_OVERLAY_INVALID_VALUE',
    { option: 'pool' },
    `pool is ${pool}, and must be a whole number from 0 to ${LARGEST_POOL}`,
    'leave pool out: more are of use only where many tests of a file run at once',
  );
}

function readLowers(lowers: FixtureLowers, options: ScratchOptions): readonly LayerSource[] {
  const { request } = readScratch(lowers, options);
  return request.lower.map(({ fd, absolute }) => (fd === undefined ? absolute! : { fd }));
}

/** Asks once; an answer that fails is asked for again. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}

/** @throws {OverlayError} those of the section "Wrong arguments" in docs/errors.md */
export function readFixture(source: FixtureSource, given: FixtureOptions): FixtureSpec {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return wrongType('options', 'an object', given);
  const { pool, ...options } = copyOf(given, 'options') as FixtureOptions;
  const spec = { options, pool: readPool(pool, options.upperOn !== undefined) };
  if (typeof source === 'function') {
    return { ...spec, lowers: once(async () => readLowers(await source(), options)) };
  }
  const lowers = readLowers(source, options);
  return { ...spec, lowers: async () => lowers };
}
