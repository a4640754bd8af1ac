// What one layer gives to a merged directory: kept whole while it is small; read as it comes, and asked by name, when large.
import type { OverlayError } from '../format/overlay-error.ts';
import { ENAMETOOLONG, ENOENT } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { type DirectoryScan, openScan } from '../kernel/scan-directory.ts';
import { scanNames } from '../kernel/scan-names.ts';
import { unreadable, vanished } from './finding.ts';
import { INSIDE, type RealDirectory, reachPlace } from './layer.ts';
import { ALL_XATTRS, type Found, found, notOpened } from './real-entry.ts';

export type NamedFound = readonly [name: string, found: Found];

export class ListedPart {
  readonly dir: RealDirectory;
  readonly #problems: OverlayError[];
  #scan: DirectoryScan | undefined;
  /** All entries; of a large directory those that were read before that was known, until they have been given. */
  readonly #kept = new Map<string, Found>();
  /** What has been read and not been given yet. */
  #left: Iterator<NamedFound> = [][Symbol.iterator]();
  #whole = false;
  #isOpened = false;

  /** @param problems gets why some of it is missing */
  constructor(dir: RealDirectory, problems: OverlayError[]) {
    this.dir = dir;
    this.#problems = problems;
  }

  /** Whether all of it is kept, so that no name of it needs a look. */
  get whole(): boolean {
    return this.#whole;
  }

  /** Takes over what opening it together with others has given. */
  opened(scan: DirectoryScan | KernelError): void {
    this.#isOpened = true;
    if (scan instanceof KernelError) this.#failed(scan);
    else this.#scan = scan;
  }

  /** Opens it unless it is, and reads it to its end when it has at most `most` entries, or somewhat more. */
  *open(most: number): Routine<void> {
    if (!this.#isOpened) yield* this.#openScan();
    while (this.#scan !== undefined && this.#kept.size < most) {
      const batch = yield* this.#read(this.#scan);
      if (batch.length === 0) this.close();
      for (const [name, found] of batch) this.#kept.set(name, found);
    }
    this.#whole = this.#scan === undefined;
    this.#left = this.#kept.entries();
  }

  /** The next entries, at most `most`; none at the end. */
  *next(most: number): Routine<NamedFound[]> {
    const some = this.#take(most);
    if (some.length > 0 || this.#scan === undefined) return some;
    this.#kept.clear();
    this.#left = (yield* this.#read(this.#scan)).values();
    return this.#take(most);
  }

  #take(most: number): NamedFound[] {
    const some: NamedFound[] = [];
    while (some.length < most) {
      const { value, done } = this.#left.next();
      if (done) break;
      some.push(value);
    }
    return some;
  }

  /** What it has under a name; only when it is whole. */
  get(name: string): Found {
    return this.#kept.get(name);
  }

  /** Which of the names it has. */
  *has(names: readonly string[]): Routine<(name: string) => boolean> {
    if (this.#scan === undefined) return (name) => this.#kept.has(name);
    const bytes = names.map((name) => Buffer.from(name, 'latin1'));
    const scanned = yield* scanNames(this.#scan.fd, bytes, { xattrs: [] });
    const absent = names.filter((_, i) => [ENOENT, ENAMETOOLONG].includes(scanned[i]!.error?.errno ?? 0));
    const missing = new Set(absent);
    return (name) => !missing.has(name);
  }

  close(): void {
    this.#scan?.close();
    this.#scan = undefined;
  }

  *#openScan(): Routine<void> {
    try {
      this.opened(yield* reachPlace(this.dir, (dir, path) => openScan(dir, path, INSIDE, ALL_XATTRS)));
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#problems.push(notOpened(this.dir, error) ?? vanished(this.dir, error));
  }

  *#read(scan: DirectoryScan): Routine<NamedFound[]> {
    try {
      const batch = yield* scan.next();
      return batch.map((scanned) => {
        const name = scanned.name.toString('latin1');
        return [name, found(this.dir, name, scanned)];
      });
    } catch (error) {
      this.#problems.push(notOpened(this.dir, error) ?? unreadable(this.dir, error));
      return [];
    }
  }
}
