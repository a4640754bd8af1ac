// Packs what a snapshot changes of its parent into an image's layer.

import { close } from '../kernel/call.ts';
import { compareTrees } from '../layer/compare-trees.ts';
import { openStack, type Stack } from '../layer/stack.ts';
import { type PackedLayer, type PackOptions, packLayer } from '../oci/pack-layer.ts';
import type { Driver } from './driver.ts';
import { type OpenEntry, openEntry } from './entries.ts';
import { layersOf } from './overlay-driver.ts';
import type { Place } from './place.ts';
import { DATA } from './read-record.ts';
import { refusal } from './refusal.ts';

async function stackOf(place: Place, driver: Driver, { directory, record }: OpenEntry): Promise<Stack> {
  const { lower, upper } = layersOf(place, directory, record);
  if (upper === undefined) {
    const sentence = `${JSON.stringify(record.name)} is a view, which changes nothing`;
    throw refusal('ERR_STORE_NOT_ACTIVE', sentence, 'pack an active or a committed snapshot', {
      option: 'key',
    });
  }
  const options = { userxattr: place.facts.dialect === 'user' };
  const empty = [place.path('empty')];
  if (driver.name === 'overlay')
    return await openStack({ lower: lower.length === 0 ? empty : lower, upper, options });
  // A subvolume has all of its parent's: shown as an upper over nothing, with the changes of a comparison.
  const stack = await openStack({ lower: empty, upper, options });
  if (record.parent === null) return stack;
  const before = place.path('snapshots', record.chain[0]!, DATA);
  return Object.assign(stack, { changes: () => compareTrees(before, upper, { trustMtime: true }) });
}

/** What a snapshot changes of its parent, as a stack that holds the snapshot until it is closed. */
export async function openForPacking(place: Place, driver: Driver, key: string): Promise<Stack> {
  const entry = await openEntry(place, key, 'share');
  try {
    const stack = await stackOf(place, driver, entry);
    const closeLayers = stack.close.bind(stack);
    let held = true;
    return Object.assign(stack, {
      close: async () => {
        if (held) close(entry.fd);
        held = false;
        await closeLayers();
      },
    });
  } catch (error) {
    close(entry.fd);
    throw error;
  }
}

/** @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_NOT_ACTIVE for a view; the stream fails as that of packLayer() */
export async function packSnapshot(
  place: Place,
  driver: Driver,
  key: string,
  options: PackOptions | undefined,
): Promise<PackedLayer> {
  const stack = await openForPacking(place, driver, key);
  try {
    // Its owners are written down, as unpacking did it.
    const rootless = place.facts.dialect === 'user';
    return packLayer(stack, { rootless, ...options }).once('close', () => void stack.close());
  } catch (error) {
    await stack.close();
    throw error;
  }
}
