// unpackImage(): all layers of an image, one over the other in a directory, or each in one of its own.
import { chmod } from 'node:fs/promises';
import type { PathLike } from '../format/mount-spec.ts';
import { procPath } from '../kernel/constants.ts';
import { type GivenEntry, type GivenPath, readEntryPath } from '../layer/given-path.ts';
import { explained, ofLayer } from './failure.ts';
import { layersOf } from './given-image.ts';
import type { Image, ImageLayer } from './open-image.ts';
import { Staging } from './staging.ts';
import { IMPLIED } from './tree.ts';
import { inStaging } from './unpack-layer.ts';
import {
  type ReadUnpackOptions,
  readUnpackOptions,
  type UnpackOptions,
  type UnpackProgress,
} from './unpack-options.ts';
import type { Unpacked } from './unpack-tree.ts';

export interface UnpackImageOptions extends Omit<UnpackOptions, 'lowers' | 'diffId' | 'onProgress'> {
  /** Which layer, from 0 for the bottom one, and how far it is; `done` in its last call. */
  readonly onProgress?: (
    progress: UnpackProgress & { readonly layer: number; readonly done: boolean },
  ) => void;
}

// As many as the thread pool has threads.
const AT_ONCE = 4;

/** The name of a layer's directory: so that they sort as they lie, the bottom one first. */
export function layerDirectory(layer: number): string {
  return String(layer).padStart(3, '0');
}

type ReadImageOptions = UnpackImageOptions & Pick<ReadUnpackOptions, 'limits'>;

type Report = (layer: number) => (progress: UnpackProgress) => void;

function reporter({ onProgress }: UnpackImageOptions): Report {
  return (layer) => (progress) => onProgress?.({ ...progress, layer, done: false });
}

async function one(
  layers: readonly ImageLayer[],
  target: GivenEntry,
  options: ReadImageOptions,
): Promise<Unpacked[]> {
  const { onProgress, ...rest } = options;
  return await inStaging(target, 'fixed', { ...rest, format: 'plain' }, async (tree) => {
    const all: Unpacked[] = [];
    for (const [layer, { diffId, size, open }] of layers.entries()) {
      const own = { diffId, onProgress: reporter(options)(layer) };
      const unpacked = await tree.layer(open(), own).catch((error) => {
        throw ofLayer(explained(error, target.shown), layer, layers.length);
      });
      onProgress?.({ ...unpacked, read: size, layer, done: true });
      all.push(unpacked);
    }
    return all;
  });
}

/** Each in its own directory, several at a time; what a layer asks of those below it waits for them. */
async function each(
  layers: readonly ImageLayer[],
  root: GivenPath,
  options: ReadImageOptions,
): Promise<Unpacked[]> {
  const { onProgress, signal, ...rest } = options;
  const failed = new AbortController();
  const signals = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
  const place = (layer: number): GivenEntry => {
    const name = layerDirectory(layer);
    const bytes = Buffer.concat([root.bytes, Buffer.from(`/${name}`)]);
    return { bytes, shown: `${root.shown}/${name}`, name: Buffer.from(name), parent: root };
  };
  const running: Promise<Unpacked>[] = [];
  const work = async (layer: number): Promise<Unpacked> => {
    // Those before it have begun before it, so that nobody waits for one that waits for a turn.
    if (layer >= AT_ONCE) await running[layer - AT_ONCE];
    const below = Promise.all(running.slice(0, layer)).then((all) =>
      all.map((_, i) => place(i).bytes).reverse(),
    );
    below.catch(() => {});
    const { diffId, size, open } = layers[layer]!;
    const more = { format: 'overlay', lowers: below, diffId, sync: false, signal: signals } as const;
    const own = { ...rest, ...more, onProgress: reporter(options)(layer) };
    const unpacked = await inStaging(place(layer), 'new', own, async (tree) => await tree.layer(open()));
    onProgress?.({ ...unpacked, read: size, layer, done: true });
    return unpacked;
  };
  for (const layer of layers.keys())
    running.push(
      work(layer).catch((error) => {
        failed.abort(ofLayer(error, layer, layers.length));
        throw error;
      }),
    );
  await Promise.allSettled(running);
  signal?.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
  return await Promise.all(running);
}

/**
 * Unpacks an image into the directory `dir`, which must not be there or be empty, whole or not at all: as `unpackLayer`
 * does. With `format: 'plain'` (default) its files, as a container sees them; with `'overlay'` a directory for each layer,
 * `000` the bottom one, several unpacked at a time.
 *
 * @throws {OverlayError} as unpackLayer
 */
export async function unpackImage(
  image: Image,
  dir: PathLike,
  given?: UnpackImageOptions,
): Promise<Unpacked[]> {
  const layers = layersOf(image);
  const target = readEntryPath(dir, 'dir');
  const options = readUnpackOptions(given) as ReadImageOptions;
  if ((options.format ?? 'plain') === 'plain') return await one(layers, target, options);
  options.signal?.throwIfAborted();
  const staging = await Staging.make(target, 'fixed');
  try {
    const root = procPath(staging.fd);
    const unpacked = await each(layers, { bytes: Buffer.from(root), shown: target.shown }, options);
    await chmod(root, IMPLIED.mode);
    await staging.finish(options.sync ?? true);
    return unpacked;
  } catch (error) {
    await staging.discard();
    throw explained(error, target.shown);
  }
}
