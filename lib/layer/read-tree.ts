// Reads a directory and all below it: those that wait for their turn are few, however many there are beside each other.
import type { MergedListing } from './merged-listing.ts';
import { openedAhead, type Run } from './opened-ahead.ts';

/** So many may wait before the directory that they are in goes on. */
const MANY = 1024;
/** So many directories are left open for those in them; from there on they wait all the same, since descriptors are few. */
const DEEPEST = 8;

/** How directories of a kind are read. */
export interface TreeReader<D, T> {
  readonly listingOf: (directory: D) => MergedListing;
  /**
   * Tells what is in a directory, and adds the directories in it to `below`; yields `between(below)` now and then, which
   * reads them when they have become many.
   */
  readonly read: (
    directory: D,
    listing: MergedListing,
    below: D[],
    between: (below: D[]) => AsyncGenerator<T>,
  ) => AsyncGenerator<T>;
}

/** What the reader tells of the directories, in their order, and of all below them. */
export async function* readTree<D, T>(
  run: Run,
  directories: readonly D[],
  reader: TreeReader<D, T>,
  level = 0,
): AsyncGenerator<T> {
  const pending = directories.toReversed();
  const take = (most: number) =>
    pending
      .splice(-most)
      .reverse()
      .map((directory) => ({ directory, listing: reader.listingOf(directory) }));
  const between = async function* (below: D[]): AsyncGenerator<T> {
    if (below.length < MANY || level >= DEEPEST) return;
    yield* readTree(run, below.splice(0), reader, level + 1);
  };
  for await (const { directory, listing } of openedAhead(run, take)) {
    const below: D[] = [];
    yield* reader.read(directory, listing, below, between);
    for (const next of below.reverse()) pending.push(next);
  }
}
