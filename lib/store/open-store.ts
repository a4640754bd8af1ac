// openStore(): from a path to an open store.
import { FLAG, readOptions } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { readPath } from '../layer/given-path.ts';
import { unpackLayerAt } from '../oci/unpack-layer.ts';
import type { Store, StoreOptions } from './contract.ts';
import { openPlace } from './open-place.ts';
import { explained } from './refusal.ts';
import { OpenStore } from './store.ts';

/**
 * Opens the store in a directory; one that is empty, or not there yet, becomes a store.
 *
 * @throws {OverlayError} ERR_STORE_FOREIGN for a directory with something else in it, ERR_STORE_MISSING, ERR_STORE_VERSION for the store of a
 * newer release, ERR_STORE_DRIVER, ERR_STORE_NO_DRIVER, and what is wrong with the directory
 */
export async function openStore(root: PathLike, options?: StoreOptions): Promise<Store> {
  const { driver = 'auto', create = true } = readOptions<StoreOptions>(options, {
    driver: ['auto', 'overlay', 'btrfs'],
    create: FLAG,
  });
  const path = readPath(root, 'root').bytes;
  return new OpenStore(await explained(path, () => openPlace(path, driver, create)), unpackLayerAt);
}
