// Directories opened a few at a time, while those before them are read: a job costs more than reading a small directory.
import type { Routine } from '../kernel/routine.ts';
import { openScans } from '../kernel/scan-directory.ts';
import { INSIDE, type Layer } from './layer.ts';
import type { ListedPart } from './listed-part.ts';
import type { MergedListing } from './merged-listing.ts';
import { ALL_XATTRS } from './real-entry.ts';

/** Runs a routine of a stack that may have been closed. */
export type Run = <T>(routine: Routine<T>) => Promise<T>;

/** So many directories are opened ahead. */
const AT_ONCE = 8;
/** The directories of so many layers are open at most for them; what has more is opened in its turn, one after the other. */
const PARTS = 32;
/** What fits into one path for the kernel. */
const SHORT = 2048;

function* openParts(layer: Layer, parts: readonly ListedPart[]): Routine<void> {
  const paths = parts.map(({ dir }) => Buffer.from(dir.place === '' ? '.' : dir.place, 'latin1'));
  const scans = yield* openScans(layer.fd, paths, INSIDE, ALL_XATTRS);
  for (const [i, part] of parts.entries()) part.opened(scans[i]!);
}

function* openListings(listings: readonly MergedListing[]): Routine<void> {
  const byLayer = new Map<Layer, ListedPart[]>();
  let count = 0;
  for (const { parts } of listings) {
    count += parts.length;
    if (count > PARTS) break;
    for (const part of parts) {
      const { layer, place } = part.dir;
      if (place.length > SHORT) continue;
      const group = byLayer.get(layer);
      if (group === undefined) byLayer.set(layer, [part]);
      else group.push(part);
    }
  }
  for (const [layer, parts] of byLayer) yield* openParts(layer, parts);
  for (const listing of listings) yield* listing.open();
}

interface Coming<T> {
  readonly items: T[];
  readonly opened: Promise<void>;
}

/**
 * Yields what `take` gives, with its listing open, one after the other; who asks for the next one is done with the one
 * before. What cannot be opened is told by the listing's `problems`.
 *
 * @param take gives at most so many of those that are known by now, in their order
 */
export async function* openedAhead<T extends { readonly listing: MergedListing }>(
  run: Run,
  take: (most: number) => T[],
): AsyncGenerator<T> {
  let ready: T[] = [];
  let coming: Coming<T> | undefined;
  const open = () => {
    if (coming !== undefined) return;
    const items = take(AT_ONCE);
    if (items.length === 0) return;
    const opened = run(openListings(items.map(({ listing }) => listing)));
    // Waited for in its turn, unless the reading ends before.
    opened.catch(() => {});
    coming = { items, opened };
  };
  try {
    for (open(); ready.length > 0 || coming !== undefined; open()) {
      if (ready.length === 0) {
        await coming!.opened;
        ready = coming!.items;
        coming = undefined;
        open();
      }
      const [next] = ready.splice(0, 1);
      try {
        yield next!;
      } finally {
        next!.listing.close();
      }
    }
  } finally {
    await coming?.opened.catch(() => {});
    for (const { listing } of [...ready, ...(coming?.items ?? [])]) listing.close();
  }
}
