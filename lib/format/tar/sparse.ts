// Where the stored bytes of a sparse file belong, in the four forms that GNU tar has had for it.
//
// Source: the GNU tar manual, "Storing Sparse Files": the old header `S`, and pax 0.0, 0.1 and 1.0.
import type { Extent } from './entry.ts';
import { parseNumberField } from './number-field.ts';
import type { PaxRecord } from './pax-records.ts';
import { tarProblem } from './tar-problem.ts';

const NEWLINE = 0x0a;
const ZERO = 0x30;

// Extents in an old header, and in the blocks that follow when there are more.
const IN_HEADER = { first: 386, count: 4, more: 482 };
const IN_BLOCK = { first: 0, count: 21, more: 504 };
const REAL_SIZE = [483, 495] as const;
const WIDTH = 12;

export interface SparseMap {
  readonly extents: readonly Extent[];
  /** Of the file with its holes. */
  readonly size: number;
}

function corrupt(at: number, problem: string) {
  return tarProblem('ERR_OVERLAY_TAR_CORRUPT', at, `the map of a sparse file ${problem}`);
}

/** The file's size in an old GNU header. */
export function oldRealSize(header: Uint8Array, at: number): number {
  const size = parseNumberField(header.subarray(...REAL_SIZE));
  if (size === undefined || size < 0) throw corrupt(at, 'has no size');
  return size;
}

export interface OldExtents {
  readonly extents: Extent[];
  /** Whether another such block follows. */
  readonly more: boolean;
}

/** The extents in an old GNU header or in a block behind it. */
export function oldExtents(block: Uint8Array, at: number, where: 'header' | 'block'): OldExtents {
  const { first, count, more } = where === 'header' ? IN_HEADER : IN_BLOCK;
  const extents: Extent[] = [];
  for (let i = 0; i < count; i++) {
    const start = first + i * 2 * WIDTH;
    if (block[start] === 0) break;
    const offset = parseNumberField(block.subarray(start, start + WIDTH));
    const length = parseNumberField(block.subarray(start + WIDTH, start + 2 * WIDTH));
    if (offset === undefined || length === undefined) throw corrupt(at, 'has an entry that is no number');
    extents.push({ offset, length });
  }
  return { extents, more: block[more] !== 0 };
}

function decimal(text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}

function pairs(numbers: readonly number[], at: number): Extent[] {
  if (numbers.length % 2 !== 0) throw corrupt(at, 'ends in the middle of an entry');
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    offset: numbers[2 * i]!,
    length: numbers[2 * i + 1]!,
  }));
}

/** What pax records say of a sparse file; undefined when they say nothing. */
export interface PaxSparse {
  readonly name: Buffer | undefined;
  readonly size: number;
  /** Absent in form 1.0, where the map precedes the content. */
  readonly extents: readonly Extent[] | undefined;
}

export function paxSparse(records: readonly PaxRecord[], at: number): PaxSparse | undefined {
  const last = (key: string) => records.findLast(({ keyword }) => keyword === `GNU.sparse.${key}`)?.value;
  const [major, minor] = [last('major')?.toString(), last('minor')?.toString()];
  const size = decimal((last('realsize') ?? last('size') ?? '').toString());
  const name = last('name');
  if (major !== undefined || minor !== undefined) {
    if (Number.isNaN(size)) throw corrupt(at, 'has no size');
    if (`${major}.${minor}` === '1.0') return { name, size, extents: undefined };
    const version = JSON.stringify(`${major}.${minor}`);
    if (major !== '0') {
      throw tarProblem('ERR_OVERLAY_TAR_UNSUPPORTED', at, `a sparse file of the unknown form ${version}`);
    }
  }
  const map = last('map');
  // Form 0.0 has two records for each extent instead.
  const listed = records.filter(({ keyword }) => /^GNU\.sparse\.(?:offset|numbytes)$/.test(keyword));
  if (map === undefined && listed.length === 0 && last('size') === undefined) return undefined;
  if (Number.isNaN(size)) throw corrupt(at, 'has no size');
  const words = map === undefined ? listed.map(({ value }) => value.toString()) : map.toString().split(',');
  const numbers = words.filter((word) => word !== '').map(decimal);
  return { name, size, extents: pairs(numbers, at) };
}

/** Reads the map of form 1.0, one decimal number a line, block by block. */
export class SparseMapText {
  readonly #numbers: number[] = [];
  #value = 0;
  #digits = 0;
  readonly #at: number;

  constructor(at: number) {
    this.#at = at;
  }

  /** The extents when this block completes them; what follows in it is padding. */
  add(block: Uint8Array): readonly Extent[] | undefined {
    for (const byte of block) {
      if (byte !== NEWLINE) {
        const digit = byte - ZERO;
        if (digit < 0 || digit > 9 || ++this.#digits > 16) throw corrupt(this.#at, 'holds what is no number');
        this.#value = this.#value * 10 + digit;
        continue;
      }
      if (this.#digits === 0) throw corrupt(this.#at, 'has an empty line');
      this.#numbers.push(this.#value);
      this.#value = this.#digits = 0;
      if (this.#numbers.length === 1 + 2 * this.#numbers[0]!) return pairs(this.#numbers.slice(1), this.#at);
    }
    return undefined;
  }
}

/**
 * Checks the map against what is stored, and drops the empty extents that mark the end of a file.
 *
 * @param stored bytes of content that the archive has for it
 */
export function checkExtents({ extents, size }: SparseMap, stored: number, at: number): Extent[] {
  let end = 0;
  let total = 0;
  for (const { offset, length } of extents) {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0)
      throw corrupt(at, 'holds what is no number');
    if (offset < end) throw corrupt(at, 'is not in order, or overlaps');
    end = offset + length;
    if (end > size) throw corrupt(at, 'goes beyond the size of the file');
    total += length;
  }
  if (total !== stored) throw corrupt(at, `tells of ${total} bytes, and ${stored} are stored`);
  return extents.filter(({ length }) => length > 0);
}
