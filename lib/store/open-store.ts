// openStore(): from a path to an open store.
import { FormatError } from '../format/format-error.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { pathToBytes } from '../format/path-bytes.ts';
import { unpackLayer } from '../oci/unpack-layer.ts';
import type { Store, StoreOptions } from './contract.ts';
import { readFields } from './given-words.ts';
import { openPlace } from './open-place.ts';
import { explained, refusal } from './refusal.ts';
import { OpenStore } from './store.ts';

function rootBytes(root: PathLike): Buffer {
  try {
    return pathToBytes(root, 'root');
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OverlayError(
      [{ code: error.code, sentence: error.message, hint: error.hint, option: 'root' }],
      error,
    );
  }
}

/**
 * Opens the store in a directory; one that is empty, or not there yet, becomes a store.
 *
 * @throws {OverlayError} ERR_STORE_FOREIGN for a directory with something else in it, ERR_STORE_VERSION for the store of a
 * newer release, ERR_STORE_DRIVER, ERR_STORE_NO_DRIVER, and what is wrong with the directory
 */
export async function openStore(root: PathLike, options?: StoreOptions): Promise<Store> {
  const { driver = 'auto' } = readFields(options, ['driver']);
  if (driver !== 'auto' && driver !== 'overlay' && driver !== 'btrfs') {
    const sentence = `driver is ${JSON.stringify(driver)}, which is none of 'auto', 'overlay', 'btrfs'`;
    throw refusal('ERR_OVERLAY_INVALID_VALUE', sentence, "use one of those; 'auto' is the default", {
      option: 'driver',
    });
  }
  const path = rootBytes(root);
  return new OpenStore(await explained(path, () => openPlace(path, driver)), unpackLayer);
}
