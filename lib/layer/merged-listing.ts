// The entries of a merged directory: its layers' directories read one after the other, each name then searched among them.
import { OverlayError } from '../format/overlay-error.ts';
import type { Routine } from '../kernel/routine.ts';
import type { RealDirectory } from './layer.ts';
import { ListedPart, type NamedFound } from './listed-part.ts';
import { plainly } from './plainly.ts';
import { type Found, given, type Look } from './real-entry.ts';
import type { MergedDirectory, Rules } from './rules.ts';
import { type Resolution, Search } from './search.ts';
import { lookTogether, together } from './together.ts';

/** At most so many names are searched before the caller has its turn: about a millisecond. */
const AT_ONCE = 256;
/** A layer's directory with more entries is read as it comes: memory stays the same, however large it is. */
const KEPT = 4096;
/** So many large ones stay open at most; from there on they are kept whole, since descriptors are few. */
const STREAMED = 16;

/**
 * A merged directory that is read from its beginning to its end: what the first layer has, then what the second one adds,
 * and so on. That a name was told already is asked of the layers above.
 */
export class MergedListing {
  /** Why some of it is missing. */
  readonly problems: OverlayError[] = [];
  /** What each layer gives to it, top first. */
  readonly parts: readonly ListedPart[];
  readonly #rules: Rules;
  readonly #dir: MergedDirectory;
  readonly #byDirectory: ReadonlyMap<RealDirectory, ListedPart>;
  /** Which part is being read. */
  #at = 0;

  constructor(rules: Rules, dir: MergedDirectory) {
    this.#rules = rules;
    this.#dir = dir;
    const dirs = dir.upper === undefined ? dir.lowers : [dir.upper, ...dir.lowers];
    this.parts = dirs.map((dir) => new ListedPart(dir, this.problems));
    this.#byDirectory = new Map(this.parts.map((part) => [part.dir, part]));
  }

  /** Opens what of it is not open yet, so that `problems` tells what cannot be read. */
  *open(): Routine<void> {
    let streamed = 0;
    for (const part of this.parts) {
      const most = this.parts.length === 1 ? 0 : streamed < STREAMED ? KEPT : Number.POSITIVE_INFINITY;
      yield* part.open(most);
      if (!part.whole) streamed++;
    }
  }

  /** The next names with what they stand for, also those that are deleted; undefined at the end. */
  *next(): Routine<Resolution[] | undefined> {
    const resolutions: Resolution[] = [];
    let seen = 0;
    for (; seen < AT_ONCE && this.#at < this.parts.length; ) {
      const batch = yield* this.parts[this.#at]!.next(AT_ONCE - seen);
      if (batch.length === 0) this.#at++;
      else {
        seen += batch.length;
        for (const one of yield* this.#resolve(yield* this.#untold(batch))) resolutions.push(one);
      }
    }
    return seen === 0 ? undefined : resolutions;
  }

  /** The next names of a directory that a single layer has, with what it has there; undefined at the end. */
  *nextFound(): Routine<NamedFound[] | undefined> {
    const batch = yield* this.parts[0]!.next(AT_ONCE);
    return batch.length === 0 ? undefined : batch;
  }

  close(): void {
    for (const part of this.parts) part.close();
  }

  *#untold(batch: NamedFound[]): Routine<NamedFound[]> {
    let left = batch;
    for (const part of this.parts.slice(0, this.#at)) {
      const has = yield* part.has(left.map(([name]) => name));
      left = left.filter(([name]) => !has(name));
    }
    return left;
  }

  *#resolve(batch: readonly NamedFound[]): Routine<Resolution[]> {
    const resolutions: Resolution[] = [];
    const slots: number[] = [];
    const searches: Routine<Resolution>[] = [];
    for (const [i, [name, found]] of batch.entries()) {
      const plain = this.#plain(name, found);
      if (plain !== undefined) resolutions[i] = plain;
      else {
        slots.push(i);
        searches.push(new Search(this.#rules, name, this.#look(name, found)).resolve(this.#dir));
      }
    }
    for (const [i, resolution] of (yield* together(searches)).entries()) resolutions[slots[i]!] = resolution;
    return resolutions;
  }

  #plain(name: string, found: Found): Resolution | undefined {
    if (found === undefined || found instanceof OverlayError) return undefined;
    if (found.stat.isDirectory && this.#rules.isLayerRoot(found.stat)) return undefined;
    const upper = this.#at === 0 && this.#dir.upper !== undefined;
    return plainly(name, found, upper, this.parts.length === 1);
  }

  /** For a name that the part that is being read has, and none above. */
  #look(name: string, found: Found): Look {
    const [parts, at] = [this.#byDirectory, this.#at];
    const above = new Set(this.parts.slice(0, at).map(({ dir }) => dir));
    const current = this.parts[at]!.dir;
    return function* (dir, wanted) {
      if (wanted === name && dir === current) return given(found);
      if (wanted === name && above.has(dir)) return undefined;
      const part = parts.get(dir);
      return part?.whole ? given(part.get(wanted)) : yield* lookTogether(dir, wanted);
    };
  }
}
