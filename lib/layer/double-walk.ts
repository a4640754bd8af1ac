// Walks two trees side by side: the one after is read and its names are looked up in the one before, then the other way.
//
// No list of a directory is kept, so that memory is the same for a thousand entries and for a million.
import { RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from '../kernel/constants.ts';
import { ENOENT, ENOTDIR } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { reach } from '../kernel/reach.ts';
import { runAsync } from '../kernel/routine.ts';
import { type DirectoryScan, openScan, type ScannedEntry } from '../kernel/scan-directory.ts';
import { scanNames } from '../kernel/scan-names.ts';
import { placeIn, type WalkedBatch, walkTree } from '../kernel/walk-tree.ts';
import type { Change } from './change.ts';
import type { ContentComparer } from './content-comparer.ts';
import { PairTeller } from './pair-teller.ts';
import { failedPlace } from './tree-failure.ts';
import type { TreeRoot } from './tree-root.ts';

export interface DoubleWalkOptions {
  readonly crossMounts: boolean;
  readonly signal: AbortSignal | undefined;
  /** Called after each batch with how many entries it had. */
  readonly onEntries: (count: number) => void;
}

const ALL = { xattrs: [''] } as const;
const NONE = { xattrs: [] } as const;

/** What is known of the directory before: it is there as a directory, it is not, or that cannot be known. */
type Before = DirectoryScan | 'absent' | 'unknown';

function isAbsent({ stat, error }: ScannedEntry): boolean {
  return stat === undefined && (error?.errno === ENOENT || error?.errno === ENOTDIR);
}

export class DoubleWalk {
  readonly #before: TreeRoot;
  readonly #after: TreeRoot;
  readonly #options: DoubleWalkOptions;
  readonly #resolve: number;
  readonly #tell: PairTeller;
  // Of directories that are still to be walked, those that are not in both trees.
  readonly #marks = new Map<string, 'absent' | 'unknown'>();

  constructor(before: TreeRoot, after: TreeRoot, content: ContentComparer, options: DoubleWalkOptions) {
    this.#before = before;
    this.#after = after;
    this.#options = options;
    this.#resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | (options.crossMounts ? 0 : RESOLVE_NO_XDEV);
    this.#tell = new PairTeller(before, after, content);
  }

  async *changes(): AsyncGenerator<Change, void> {
    const request = { ...ALL, resolve: this.#resolve, signal: this.#options.signal };
    let before: Before | undefined;
    try {
      for await (const batch of walkTree(this.#after.fd, request)) {
        if (batch.error !== undefined) {
          // Of one that cannot be read to its end, what is missing is not known.
          if (before instanceof Object) before.close();
          before = undefined;
          if (this.#take(batch.place) !== 'unknown') yield failedPlace(this.#after, batch.place, batch.error);
          continue;
        }
        if (before === undefined) {
          const opened = await this.#open(batch.place);
          if (opened instanceof KernelError) yield failedPlace(this.#before, batch.place, opened);
          before = opened instanceof KernelError ? 'unknown' : opened;
        }
        yield* this.#batch(batch, before);
        if (!batch.last) continue;
        if (before instanceof Object) {
          yield* this.#deleted(batch, before);
          before.close();
        }
        before = undefined;
      }
    } finally {
      if (before instanceof Object) before.close();
    }
  }

  #take(place: string): 'absent' | 'unknown' | undefined {
    const mark = this.#marks.get(place);
    this.#marks.delete(place);
    return mark;
  }

  async #open(place: string): Promise<Before | KernelError> {
    const mark = this.#take(place);
    if (mark !== undefined) return mark;
    const path = Buffer.from(place === '' ? '.' : place, 'latin1');
    try {
      return await runAsync(
        reach(this.#before.fd, path, this.#resolve, (dir, rest) => openScan(dir, rest, this.#resolve, NONE)),
      );
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return error.errno === -ENOENT || error.errno === -ENOTDIR ? 'absent' : error;
    }
  }

  async *#batch({ place, fd, entries }: WalkedBatch, before: Before): AsyncGenerator<Change, void> {
    this.#options.onEntries(entries.length);
    if (typeof before === 'string') {
      for (const entry of entries) {
        if (entry.stat?.isDirectory) this.#marks.set(placeIn(place, entry.name), before);
        if (before === 'absent' && !isAbsent(entry))
          yield this.#tell.linked(this.#tell.added(place, entry), entry);
      }
      return;
    }
    const names = entries.map(({ name }) => name);
    const counterparts = await runAsync(scanNames(before.fd, names, ALL));
    // All of them, before the directories can be closed, also when one fails for good.
    const told = await Promise.allSettled(
      entries.map((entry, i) => this.#pair(place, entry, counterparts[i]!, before.fd, fd)),
    );
    for (const [i, outcome] of told.entries()) {
      if (outcome.status === 'rejected') throw outcome.reason;
      if (outcome.value !== undefined) yield this.#tell.linked(outcome.value, entries[i]!);
    }
  }

  async #pair(
    place: string,
    after: ScannedEntry,
    before: ScannedEntry,
    beforeDir: number,
    afterDir: number,
  ): Promise<Change | undefined> {
    if (isAbsent(after)) return undefined;
    const mark = isAbsent(before) ? 'absent' : before.stat === undefined ? 'unknown' : undefined;
    if (after.stat?.isDirectory) {
      const changed = mark ?? (before.stat?.isDirectory ? undefined : 'absent');
      if (changed !== undefined) this.#marks.set(placeIn(place, after.name), changed);
    }
    if (mark === 'absent') return this.#tell.added(place, after);
    return this.#tell.pair(place, before, after, { beforeDir, afterDir });
  }

  async *#deleted({ place, fd }: WalkedBatch, before: DirectoryScan): AsyncGenerator<Change, void> {
    for (;;) {
      let entries: ScannedEntry[];
      try {
        entries = await runAsync(before.next());
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        return yield failedPlace(this.#before, place, error);
      }
      if (entries.length === 0) return;
      this.#options.signal?.throwIfAborted();
      this.#options.onEntries(entries.length);
      const names = entries.map(({ name }) => name);
      const now = await runAsync(scanNames(fd, names, NONE));
      for (const [i, entry] of entries.entries())
        if (isAbsent(now[i]!) && !isAbsent(entry)) yield this.#tell.deleted(place, entry);
    }
  }
}
