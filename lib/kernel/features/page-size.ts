// The size of a page, which is how much option text one mount(2) takes.
import { endianness } from 'node:os';
import { readIfPossible } from '../files.ts';
import type { Routine } from '../routine.ts';

// linux/auxvec.h
const AT_PAGESZ = 6n;
const wordBytes = ['arm', 'ia32', 'mipsel'].includes(process.arch) ? 4 : 8;

/** The value of AT_PAGESZ in an auxiliary vector: pairs of words. Source: getauxval(3). */
export function pageSizeOf(vector: Buffer, bytes: 4 | 8 = wordBytes): number | undefined {
  const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
  const little = endianness() === 'LE';
  const word = (at: number) =>
    bytes === 8 ? view.getBigUint64(at, little) : BigInt(view.getUint32(at, little));
  for (let at = 0; at + 2 * bytes <= vector.length; at += 2 * bytes)
    if (word(at) === AT_PAGESZ) return Number(word(at + bytes));
  return undefined;
}

/** Bytes; undefined when /proc does not tell. */
export function* readPageSize(): Routine<number | undefined> {
  const vector = yield* readIfPossible('/proc/self/auxv');
  return vector && pageSizeOf(vector);
}
