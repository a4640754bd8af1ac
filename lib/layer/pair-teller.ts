// Says what has become of an entry: from two looks at one name to a change, or to none.
import type { ScannedEntry } from '../kernel/scan-directory.ts';
import { placeIn } from '../kernel/walk-tree.ts';
import type { Change } from './change.ts';
import { compareEntries, withoutNotes } from './compare-entry.ts';
import type { ContentComparer } from './content-comparer.ts';
import { LinkedNames } from './linked-names.ts';
import { shownPlace, typeOf } from './merged-entry.ts';
import type { FailedCall } from './path-failure.ts';
import { failedEntry, placeFailure, scanFailure } from './tree-failure.ts';
import type { TreeRoot } from './tree-root.ts';

/** The two directories of a name, open. */
export interface PairDirectories {
  readonly beforeDir: number;
  readonly afterDir: number;
}

export class PairTeller {
  readonly #before: TreeRoot;
  readonly #after: TreeRoot;
  readonly #content: ContentComparer;
  readonly #links = new LinkedNames();

  constructor(before: TreeRoot, after: TreeRoot, content: ContentComparer) {
    this.#before = before;
    this.#after = after;
    this.#content = content;
  }

  /** `entry` is there now, and was not. */
  added(place: string, entry: ScannedEntry): Change {
    const at = placeIn(place, entry.name);
    if (entry.stat === undefined) return { ...this.#unread(at, entry, this.#after), kind: 'added' };
    const change: Change = { kind: 'added', path: shownPlace(at), type: typeOf(entry.stat), what: [] };
    if (entry.error === undefined) return change;
    return { ...change, error: scanFailure(this.#after, at, entry.error) };
  }

  /** `entry` was there, and is not any more. */
  deleted(place: string, entry: ScannedEntry): Change {
    const path = shownPlace(placeIn(place, entry.name));
    return {
      kind: 'deleted',
      path,
      type: entry.stat === undefined ? 'unknown' : typeOf(entry.stat),
      what: [],
    };
  }

  /** It was there, and is there; undefined when nothing differs. */
  async pair(
    place: string,
    before: ScannedEntry,
    after: ScannedEntry,
    dirs: PairDirectories,
  ): Promise<Change | undefined> {
    const at = placeIn(place, after.name);
    if (after.stat === undefined) return this.#unread(at, after, this.#after);
    if (before.stat === undefined) return this.#unread(at, before, this.#before);
    const pair = [
      { stat: before.stat, xattrs: withoutNotes(before.xattrs) },
      { stat: after.stat, xattrs: withoutNotes(after.xattrs) },
    ] as const;
    const { what, contentUnknown } = compareEntries(...pair);
    const type = typeOf(after.stat);
    const failure =
      (before.error && scanFailure(this.#before, at, before.error)) ??
      (after.error && scanFailure(this.#after, at, after.error));
    if (failure !== undefined) return failedEntry(at, type, failure, what);
    try {
      const same =
        !contentUnknown || (await this.#content.isSame(after.name, pair[0].stat, pair[1].stat, dirs));
      const all = same ? what : (['content', ...what] as const);
      if (all.length === 0) return undefined;
      return { kind: 'modified', path: shownPlace(at), type, what: all };
    } catch (error) {
      if (!isFailedCall(error)) throw error;
      return failedEntry(at, type, placeFailure(this.#after, at, error), what);
    }
  }

  #unread(at: string, entry: ScannedEntry, root: TreeRoot): Change {
    return failedEntry(at, 'unknown', scanFailure(root, at, entry.error!));
  }

  /** A change as it is told, one after the other: with the name that was told first, when the file has several. */
  linked(change: Change, { stat }: ScannedEntry): Change {
    if (stat === undefined || change.error !== undefined) return change;
    const linkTo = this.#links.firstOf(stat, change.path);
    return linkTo === undefined ? change : { ...change, linkTo };
  }
}

function isFailedCall(error: unknown): error is FailedCall {
  return error instanceof Error && typeof (error as Partial<FailedCall>).errno === 'number';
}
