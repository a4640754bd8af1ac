// The merged view as a stream: the entries of one directory, or of all below it.
import { setImmediate } from 'node:timers/promises';
import type { Finding, OverlayError } from '../format/overlay-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { placeIn } from './layer.ts';
import type { NamedFound } from './listed-part.ts';
import { directoryOf, type MergedEntry, mergedEntry } from './merged-entry.ts';
import { MergedListing } from './merged-listing.ts';
import { remarksOn } from './odd-notes.ts';
import type { Run } from './opened-ahead.ts';
import { readTree } from './read-tree.ts';
import type { MergedDirectory, Rules } from './rules.ts';
import type { Resolution } from './search.ts';
import type { StreamOptions } from './streaming.ts';

/** A stream that does not end at what it cannot read, and tells of it. */
export interface Findings<T> extends AsyncIterable<T> {
  /** What was found so far that is wrong, damaged or could not be read, also what an overlay passes over. */
  readonly findings: readonly Finding[];
  /** Nothing was left out so far for want of rights, or since it vanished. What a mounted overlay fails at, too, counts. */
  readonly complete: boolean;
}

/** Collects what is wrong while a stream goes on. */
export class FindingList {
  readonly findings: Finding[] = [];
  complete = true;
  readonly #onProgress: StreamOptions['onProgress'];
  #entries = 0;

  constructor(onProgress?: StreamOptions['onProgress']) {
    this.#onProgress = onProgress;
  }

  /** So many more entries have been looked at. */
  looked(count: number): void {
    this.#entries += count;
    if (count > 0) this.#onProgress?.({ entries: this.#entries });
  }

  /** What makes the stream incomplete. */
  add(error: OverlayError | undefined): void {
    if (error === undefined) return;
    this.complete = false;
    this.findings.push(...error.findings);
  }

  /** What is odd, and leaves nothing out. */
  remark(findings: readonly Finding[]): void {
    for (const finding of findings) this.findings.push(finding);
  }

  /** What another stream has found. */
  take({ findings, complete }: Pick<Findings<unknown>, 'findings' | 'complete'>): void {
    this.remark(findings);
    this.complete &&= complete;
  }
}

/** Batches of what an open directory's names stand for. Closes it. */
export function batchesOf(run: Run, listing: MergedListing): AsyncGenerator<Resolution[]> {
  return batches(run, listing, () => listing.next());
}

/** The same of a directory that a single layer has: what that has under each name. */
export function foundIn(run: Run, listing: MergedListing): AsyncGenerator<NamedFound[]> {
  return batches(run, listing, () => listing.nextFound());
}

async function* batches<T>(
  run: Run,
  listing: MergedListing,
  next: () => Routine<T[] | undefined>,
): AsyncGenerator<T[]> {
  // Read while the batch before is worked on, which has its own system calls to wait for.
  let ahead: Promise<T[] | undefined> | undefined;
  try {
    ahead = run(next());
    for (let batch = await ahead; batch !== undefined; batch = await ahead) {
      ahead = run(next());
      // Who stops early takes no notice of it, and it is no failure that nobody handles.
      ahead.catch(() => {});
      yield batch;
      // What needs no system call would keep the event loop otherwise.
      await setImmediate();
    }
  } finally {
    // The descriptor is in use until then.
    await ahead?.catch(() => {});
    listing.close();
  }
}

/** Opens a directory and gives its batches. */
export async function* listingOf(run: Run, listing: MergedListing): AsyncGenerator<Resolution[]> {
  try {
    await run(listing.open());
  } catch (error) {
    listing.close();
    throw error;
  }
  yield* batchesOf(run, listing);
}

/** The entries of a directory, without those of directories in it. */
export async function* readMerged(
  run: Run,
  rules: Rules,
  dir: MergedDirectory,
  found: FindingList,
): AsyncGenerator<MergedEntry> {
  const listing = new MergedListing(rules, dir);
  for await (const batch of listingOf(run, listing)) {
    found.looked(batch.length);
    for (const resolution of batch) {
      found.remark(remarksOn(rules, resolution));
      const entry = mergedEntry(placeIn(dir.path, resolution.name), resolution);
      if (entry === undefined) continue;
      found.add(entry.error);
      yield entry;
    }
  }
  for (const problem of listing.problems) found.add(problem);
}

interface Pending {
  readonly entry: MergedEntry;
  readonly dir: MergedDirectory;
}

/** A directory, then what is in it, each directory before its entries. */
export function walkMerged(
  run: Run,
  rules: Rules,
  start: Pending,
  found: FindingList,
): AsyncGenerator<MergedEntry> {
  return readTree<Pending, MergedEntry>(run, [start], {
    listingOf: ({ dir }) => new MergedListing(rules, dir),
    read: (directory, listing, below, between) =>
      walkDirectory({ run, rules, found, between }, directory, listing, below),
  });
}

interface Walk {
  readonly run: Run;
  readonly rules: Rules;
  readonly found: FindingList;
  readonly between: (below: Pending[]) => AsyncGenerator<MergedEntry>;
}

async function* walkDirectory(
  { run, rules, found, between }: Walk,
  { entry, dir }: Pending,
  listing: MergedListing,
  below: Pending[],
): AsyncGenerator<MergedEntry> {
  // How many of the listing's problems have been told of; undefined before the directory has.
  let told: number | undefined;
  const itself = () => {
    told = Math.min(listing.problems.length, 1);
    return tell(entry, listing.problems[0], found);
  };
  for await (const batch of batchesOf(run, listing)) {
    // Only now is it known whether the directory can be read.
    if (told === undefined) yield itself();
    found.looked(batch.length);
    for (const resolution of batch) {
      found.remark(remarksOn(rules, resolution));
      const inside = mergedEntry(placeIn(dir.path, resolution.name), resolution);
      if (inside === undefined) continue;
      if (inside.type === 'directory' && resolution.problem === undefined)
        below.push({ entry: inside, dir: directoryOf(dir, resolution) });
      else yield tell(inside, undefined, found);
    }
    yield* between(below);
  }
  if (told === undefined) yield itself();
  for (const problem of listing.problems.slice(told)) found.add(problem);
}

function tell(entry: MergedEntry, problem: OverlayError | undefined, found: FindingList): MergedEntry {
  const error = entry.error ?? problem;
  found.add(entry.error);
  found.add(problem);
  return error === entry.error || error === undefined ? entry : { ...entry, error };
}
