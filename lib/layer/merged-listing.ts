// The entries of a merged directory: its layers' directories read one after the other, each name then searched among them.
import { OverlayError } from '../format/overlay-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { type DirectoryScan, openScan, type ScannedEntry } from '../kernel/scan-directory.ts';
import { unreadable, vanished } from './finding.ts';
import { INSIDE, placeIn, type RealDirectory, reachPlace } from './layer.ts';
import { plainly } from './plainly.ts';
import { ALL_XATTRS, type Look, lookAt, notOpened, type RealEntry, realEntry } from './real-entry.ts';
import type { MergedDirectory, Rules } from './rules.ts';
import { type Resolution, Search } from './search.ts';

export type Found = RealEntry | OverlayError | undefined;

/** At most so many names are searched before the caller has its turn: about a millisecond. */
const AT_ONCE = 256;

/** An entry of a scan, or the error that it gives when it is looked up. */
export function found({ layer, place }: RealDirectory, name: string, scanned: ScannedEntry): Found {
  try {
    return realEntry(layer, placeIn(place, name), scanned);
  } catch (error) {
    if (error instanceof OverlayError) return error;
    throw error;
  }
}

export function given(found: Found): RealEntry | undefined {
  if (found instanceof OverlayError) throw found;
  return found;
}

/**
 * A merged directory that is read from its beginning to its end. One that a single layer has is read as it comes; of
 * several all names are kept, as the kernel does, since the upper ones must be known first.
 */
export class MergedListing {
  /** Why some of it is missing. */
  readonly problems: OverlayError[] = [];
  readonly #rules: Rules;
  readonly #dir: MergedDirectory;
  readonly #parts: readonly RealDirectory[];
  #scan: DirectoryScan | undefined;
  #merged: Map<string, Found>[] | undefined;
  #names: Iterator<string> | undefined;

  constructor(rules: Rules, dir: MergedDirectory) {
    this.#rules = rules;
    this.#dir = dir;
    this.#parts = dir.upper === undefined ? dir.lowers : [dir.upper, ...dir.lowers];
  }

  /** Opens it, so that `problems` tells what cannot be read. */
  *open(): Routine<void> {
    if (this.#parts.length === 1) {
      this.#scan = yield* this.#openPart(this.#parts[0]!);
      return;
    }
    this.#merged = [];
    for (const part of this.#parts) this.#merged.push(yield* this.#wholePart(part));
    const names = new Set<string>();
    for (const map of this.#merged) for (const name of map.keys()) names.add(name);
    this.#names = names.values();
  }

  /** The next names with what they stand for, also those that are deleted; none at the end. */
  *next(): Routine<Resolution[]> {
    return this.#merged === undefined ? yield* this.#nextOfOne() : yield* this.#nextOfMany(this.#merged);
  }

  /** The next names of a directory that a single layer has, with what it has there; none at the end. */
  *nextFound(): Routine<[string, Found][]> {
    return this.#scan === undefined ? [] : yield* this.#batch(this.#scan, this.#parts[0]!);
  }

  close(): void {
    this.#scan?.close();
    this.#scan = undefined;
  }

  #plain(name: string, found: Found, upper: boolean, alone: boolean): Resolution | undefined {
    if (found === undefined || found instanceof OverlayError) return undefined;
    if (found.stat.isDirectory && this.#rules.isLayerRoot(found.stat)) return undefined;
    return plainly(name, found, upper, alone);
  }

  *#openPart(part: RealDirectory): Routine<DirectoryScan | undefined> {
    try {
      return yield* reachPlace(part, (dir, path) => openScan(dir, path, INSIDE, ALL_XATTRS));
    } catch (error) {
      this.problems.push(notOpened(part, error) ?? vanished(part, error));
      return undefined;
    }
  }

  *#batch(scan: DirectoryScan, part: RealDirectory): Routine<[string, Found][]> {
    try {
      const batch = yield* scan.next();
      return batch.map((scanned) => {
        const name = scanned.name.toString('latin1');
        return [name, found(part, name, scanned)];
      });
    } catch (error) {
      this.problems.push(notOpened(part, error) ?? unreadable(part, error));
      return [];
    }
  }

  *#wholePart(part: RealDirectory): Routine<Map<string, Found>> {
    const entries = new Map<string, Found>();
    const scan = yield* this.#openPart(part);
    if (scan === undefined) return entries;
    try {
      for (;;) {
        const batch = yield* this.#batch(scan, part);
        if (batch.length === 0) return entries;
        for (const [name, found] of batch) entries.set(name, found);
      }
    } finally {
      scan.close();
    }
  }

  *#nextOfOne(): Routine<Resolution[]> {
    if (this.#scan === undefined) return [];
    const [part] = this.#parts;
    const resolutions: Resolution[] = [];
    const upper = this.#dir.upper !== undefined;
    for (const [name, found] of yield* this.#batch(this.#scan, part!)) {
      const plain = this.#plain(name, found, upper, true);
      if (plain !== undefined) {
        resolutions.push(plain);
        continue;
      }
      const look: Look = function* (dir, wanted) {
        return dir === part && wanted === name ? given(found) : yield* lookAt(dir, wanted);
      };
      resolutions.push(yield* new Search(this.#rules, name, look).resolve(this.#dir));
    }
    return resolutions;
  }

  *#nextOfMany(merged: readonly Map<string, Found>[]): Routine<Resolution[]> {
    const parts = new Map(this.#parts.map((part, i) => [part, merged[i]!]));
    const look: Look = function* (dir, name) {
      const names = parts.get(dir);
      return names === undefined ? yield* lookAt(dir, name) : given(names.get(name));
    };
    const resolutions: Resolution[] = [];
    while (resolutions.length < AT_ONCE) {
      const { value: name, done } = this.#names!.next();
      if (done) break;
      const at = merged.findIndex((names) => names.has(name));
      const upper = at === 0 && this.#dir.upper !== undefined;
      const plain = this.#plain(name, merged[at]!.get(name), upper, false);
      if (plain !== undefined) resolutions.push(plain);
      else resolutions.push(yield* new Search(this.#rules, name, look).resolve(this.#dir));
    }
    return resolutions;
  }
}
