// overlayfs store import: an image's layers become snapshots, and Ctrl-C leaves those that are done.
import type { Snapshot, Store } from '../store/index.ts';
import type { Given } from './flags.ts';
import { openGivenImage } from './given-image.ts';
import { interruptible } from './interruption.ts';
import { LayerBars } from './layer-bars.ts';
import type { Terminal } from './terminal.ts';

/** @param open the store: only when there is an image to be imported, since one that is not there is made */
export async function importImage(
  open: () => Promise<Store>,
  path: string,
  given: Given,
  terminal: Terminal,
): Promise<Snapshot> {
  await using image = await openGivenImage(path, given);
  return await interruptible(async (signal) => {
    await using store = await open();
    const bars = new LayerBars(terminal, image.layers);
    const top = await store.import(image, { onProgress: bars.update, signal });
    bars.end();
    return top;
  });
}
