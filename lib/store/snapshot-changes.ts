// How a snapshot differs from its parent: what its upper says, or a comparison of two subvolumes.
import type { Finding } from '../format/overlay-error.ts';
import { close } from '../kernel/call.ts';
import type { Change } from '../layer/change.ts';
import { rememberSource } from '../layer/changes-source.ts';
import { compareTrees } from '../layer/compare-trees.ts';
import { openStack } from '../layer/stack.ts';
import { FindingList, type Findings } from '../layer/walk.ts';
import type { Driver } from './driver.ts';
import { type OpenEntry, openEntry } from './entries.ts';
import { layersOf } from './overlay-driver.ts';
import { openForPacking } from './pack-snapshot.ts';
import type { Place } from './place.ts';
import { DATA } from './read-record.ts';

async function* ofOverlay(
  place: Place,
  { directory, record }: OpenEntry,
  found: FindingList,
): AsyncGenerator<Change> {
  const { lower, upper } = layersOf(place, directory, record);
  if (upper === undefined) return;
  const stack = await openStack({
    lower: lower.length === 0 ? [place.path('empty')] : lower,
    upper,
    options: { userxattr: place.facts.dialect === 'user' },
  });
  try {
    const changes = stack.changes({ ignoreUnchanged: true });
    yield* changes;
    found.take(changes);
  } finally {
    await stack.close();
  }
}

async function* ofTrees(
  place: Place,
  { directory, record }: OpenEntry,
  found: FindingList,
): AsyncGenerator<Change> {
  if (record.kind === 'view' && record.parent !== null) return;
  const before =
    record.parent === null ? place.path('empty') : place.path('snapshots', record.chain[0]!, DATA);
  const changes = compareTrees(before, place.path('snapshots', directory, DATA), { trustMtime: true });
  yield* changes;
  found.take(changes);
}

async function* changesIn(
  place: Place,
  driver: Driver,
  key: string,
  found: FindingList,
): AsyncGenerator<Change> {
  const entry = await place.during(() => openEntry(place, key, 'share'));
  try {
    yield* driver.name === 'overlay' ? ofOverlay(place, entry, found) : ofTrees(place, entry, found);
  } finally {
    close(entry.fd);
  }
}

/** Iterating throws ERR_STORE_NOT_FOUND, and what openStack() throws. */
export function changesOf(place: Place, driver: Driver, key: string): Findings<Change> {
  const found = new FindingList();
  const changes: Findings<Change> = {
    get findings(): readonly Finding[] {
      return found.findings;
    },
    get complete() {
      return found.complete;
    },
    [Symbol.asyncIterator]: () => changesIn(place, driver, key, found),
  };
  return rememberSource(changes, {
    rootless: place.facts.dialect === 'user',
    open: () => place.during(() => openForPacking(place, driver, key)),
  });
}
