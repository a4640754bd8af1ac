// What the upper changes of the lowers, found in the upper's size: only what it has is looked for below.
import { OverlayError } from '../format/overlay-error.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Change } from './change.ts';
import { type Difference, difference } from './difference.ts';
import { placeIn, type RealDirectory, samePlaces } from './layer.ts';
import { LinkedNames } from './linked-names.ts';
import type { NamedFound } from './listed-part.ts';
import { directoryOf, shownPlace, topOf, typeOf } from './merged-entry.ts';
import { MergedListing } from './merged-listing.ts';
import { oddNotes } from './odd-notes.ts';
import type { Run } from './opened-ahead.ts';
import { findRoot } from './paths.ts';
import { plainly } from './plainly.ts';
import { readTree } from './read-tree.ts';
import { type Found, given, type Look } from './real-entry.ts';
import type { MergedDirectory, Rules } from './rules.ts';
import { type Resolution, Search } from './search.ts';
import type { StreamOptions } from './streaming.ts';
import { lookAtNames, lookTogether, together } from './together.ts';
import { type FindingList, foundIn, listingOf } from './walk.ts';

export interface ChangeOptions extends StreamOptions {
  /**
   * Compares the content of files that have the same size, and leaves out what was copied up and not changed. Without it
   * a file of the same size and mtime is taken for unchanged in content, one of another mtime for changed, and what was
   * copied up without a change is `modified` with an empty `what`.
   */
  readonly ignoreUnchanged?: boolean;
}

/** A directory of the upper, and what was there before. */
interface Pair {
  /** In the merged view, and with what is merged in it. */
  readonly after: MergedDirectory & { readonly upper: RealDirectory };
  /** Of lowers only; undefined when there was no directory. */
  readonly before: MergedDirectory | undefined;
  /** Where the lowers have it, which is elsewhere below a renamed directory. */
  readonly lowerPath: string;
}

/** What one name was, and is. */
interface Names {
  readonly before: Resolution | undefined;
  readonly after: Resolution;
}

const shows = (resolution: Resolution | undefined): resolution is Resolution =>
  resolution !== undefined && topOf(resolution) !== undefined;

/** The changes of one upper, in turn; keeps what must be remembered between directories. */
export class UpperChanges {
  readonly #rules: Rules;
  readonly #exactly: boolean;
  readonly #found: FindingList;
  readonly #links = new LinkedNames();

  constructor(rules: Rules, exactly: boolean, found: FindingList) {
    this.#rules = rules;
    this.#exactly = exactly;
    this.#found = found;
  }

  async *all(run: Run): AsyncGenerator<Change> {
    const { upper, lowers } = this.#rules.root;
    if (upper === undefined) return;
    yield* await run(this.#ofRoot());
    const before = { path: '', upper: undefined, lowers };
    const root: Pair = { after: { path: '', upper, lowers }, before, lowerPath: '' };
    yield* readTree<Pair, Change>(run, [root], {
      listingOf: ({ after: { path, upper } }) => new MergedListing(this.#rules, { path, upper, lowers: [] }),
      read: (pair, listing, below, between) => this.#ofDirectory(run, pair, listing, below, between),
    });
  }

  *#ofRoot(): Routine<Change[]> {
    const { resolution } = yield* findRoot(this.#rules);
    this.#found.remark(oddNotes(resolution.upper!));
    const before = { ...resolution, upper: undefined };
    const { what, error } = yield* difference(this.#rules, before, resolution, this.#exactly);
    this.#found.add(error);
    if (what.length === 0 && error === undefined) return [];
    return [{ kind: 'modified', path: '.', type: 'directory', what, ...(error && { error }) }];
  }

  async *#ofDirectory(
    run: Run,
    pair: Pair,
    listing: MergedListing,
    below: Pair[],
    between: (below: Pair[]) => AsyncGenerator<Change>,
  ): AsyncGenerator<Change> {
    const { after, before } = pair;
    // What an opaque directory hides has to be listed; else whiteouts tell what is gone.
    const hides = before !== undefined && after.lowers.length === 0 && before.lowers.length > 0;
    for await (const batch of foundIn(run, listing)) {
      this.#found.looked(batch.length);
      yield* await run(this.#ofBatch(pair, batch, below));
      yield* between(below);
    }
    for (const problem of listing.problems) yield this.#unread(after.path, problem);
    if (hides) yield* this.#hidden(run, before, after);
  }

  /** All that was in a directory whose place an opaque one has taken. */
  async *#hidden(run: Run, before: MergedDirectory, { path, upper }: Pair['after']): AsyncGenerator<Change> {
    const listing = new MergedListing(this.#rules, before);
    for await (const batch of listingOf(run, listing)) {
      const gone = batch.filter(shows);
      const names = gone.map(({ name }) => name);
      const now = await run(lookAtNames(upper, names));
      for (const was of gone)
        if (now.get(was.name) === undefined) yield deleted(placeIn(path, was.name), was);
    }
    for (const problem of listing.problems) yield this.#unread(path, problem);
  }

  #unread(path: string, error: OverlayError): Change {
    this.#found.add(error);
    return { kind: 'modified', path: shownPlace(path), type: 'directory', what: [], error };
  }

  *#ofBatch(pair: Pair, batch: readonly NamedFound[], below: Pair[]): Routine<Change[]> {
    const known = yield* this.#knownOf(pair, batch);
    const pairs: Names[] = [];
    const searches: Routine<Names>[] = [];
    for (const [name, found] of batch) {
      const after = this.#plain(pair.after, name, found);
      const isNew = pair.before === undefined || (known !== undefined && known.get(name) === undefined);
      if (after !== undefined && isNew) pairs.push({ before: undefined, after });
      else searches.push(this.#search(pair, name, found, known));
    }
    for (const names of yield* together(searches)) pairs.push(names);
    const changes: Change[] = [];
    for (const names of pairs) changes.push(...(yield* this.#ofNames(pair, names, below)));
    return changes;
  }

  /** What the only lower directory has under these names: most of an upper is new, and needs no search. */
  *#knownOf({ before }: Pair, batch: readonly NamedFound[]): Routine<Map<string, Found> | undefined> {
    if (before === undefined || before.lowers.length !== 1 || batch.length === 0) return undefined;
    return yield* lookAtNames(
      before.lowers[0]!,
      batch.map(([name]) => name),
    );
  }

  *#search(
    { after, before }: Pair,
    name: string,
    found: Found,
    known: ReadonlyMap<string, Found> | undefined,
  ): Routine<Names> {
    const plain = this.#plain(after, name, found);
    const [lower] = before?.lowers ?? [];
    const look: Look = function* (dir, wanted) {
      if (wanted === name && dir === after.upper) return given(found);
      if (wanted === name && dir === lower && known !== undefined) return given(known.get(name));
      return yield* lookTogether(dir, wanted);
    };
    return {
      after: plain ?? (yield* new Search(this.#rules, name, look).resolve(after)),
      before: before && (yield* new Search(this.#rules, name, look).resolve(before)),
    };
  }

  #plain({ lowers }: MergedDirectory, name: string, found: Found): Resolution | undefined {
    if (found === undefined || found instanceof OverlayError) return undefined;
    if (found.stat.isDirectory && this.#rules.isLayerRoot(found.stat)) return undefined;
    return plainly(name, found, true, lowers.length === 0);
  }

  *#ofNames(pair: Pair, { before, after }: Names, below: Pair[]): Routine<Change[]> {
    const path = placeIn(pair.after.path, after.name);
    if (after.problem === undefined && after.upper !== undefined) this.#found.remark(oddNotes(after.upper));
    if (after.problem !== undefined || before?.problem !== undefined) {
      return this.#damaged(path, before, after);
    }
    if (!shows(after)) return shows(before) ? [deleted(path, before)] : [];
    const lowerPath = lowerPathOf(pair.lowerPath, after);
    const from = lowerPath === placeIn(pair.lowerPath, after.name) ? undefined : lowerPath;
    const origin = from === undefined ? before : { ...after, upper: undefined, upperMetacopy: false };
    if (after.isDirectory && after.upper !== undefined) {
      const directory = directoryOf(pair.after, after) as Pair['after'];
      const { lowers } = directory;
      const stood = shows(before) && before.isDirectory ? directoryOf(pair.before!, before) : undefined;
      // Most often both are the same directories: then one look into each is enough.
      const shared = from !== undefined || (stood !== undefined && samePlaces(stood.lowers, lowers));
      const was = shared ? { path, upper: undefined, lowers } : stood;
      below.push({ after: directory, before: was, lowerPath });
    }
    const found = shows(origin) ? yield* difference(this.#rules, origin, after, this.#exactly) : undefined;
    return this.#told(path, from, shows(before), after, found);
  }

  #told(
    path: string,
    from: string | undefined,
    existed: boolean,
    after: Resolution,
    found: Difference | undefined,
  ): Change[] {
    const top = topOf(after)!;
    const { what = [], error = top.problem } = found ?? {};
    this.#found.add(error);
    const unchanged = existed && from === undefined && error === undefined && what.length === 0;
    if (unchanged && (after.isDirectory || this.#exactly)) return [];
    const linkTo = this.#links.firstOf(top.stat, shownPlace(path));
    return [
      {
        kind: existed ? 'modified' : 'added',
        path: shownPlace(path),
        type: typeOf(top.stat),
        ...(from === undefined ? {} : { from: shownPlace(from) }),
        what,
        ...(linkTo === undefined ? {} : { linkTo }),
        ...(error === undefined ? {} : { error }),
      },
    ];
  }

  /** What a mounted overlay fails with, before or now: nothing can be said of its content, or of what is in it. */
  #damaged(path: string, before: Resolution | undefined, after: Resolution): Change[] {
    const error = after.problem ?? before!.problem!;
    this.#found.add(error);
    const top = topOf(after) ?? (before && topOf(before));
    const existed = before?.problem !== undefined || shows(before);
    const type = top === undefined ? 'unknown' : typeOf(top.stat);
    return [{ kind: existed ? 'modified' : 'added', path: shownPlace(path), type, what: [], error }];
  }
}

function deleted(path: string, before: Resolution): Change {
  return { kind: 'deleted', path: shownPlace(path), type: typeOf(topOf(before)!.stat), what: [] };
}

/** Where the lowers have what the upper has here: under another name when it was renamed. */
function lowerPathOf(
  parent: string,
  { name, redirect, isDirectory, lowers, upperMetacopy }: Resolution,
): string {
  const renamed = redirect !== undefined && lowers.length > 0 && (isDirectory || upperMetacopy);
  if (!renamed) return placeIn(parent, name);
  return redirect.startsWith('/') ? redirect.slice(1) : placeIn(parent, redirect);
}
