// inspectImage(): what each layer of an image adds, changes and deletes, and what of it all nobody sees in the end.
import { CALLBACK, CHECKED_LATER, readOptions, SIGNAL } from '../format/given.ts';
import { explained, ofLayer } from './failure.ts';
import { layersOf } from './given-image.ts';
import { type LayerReading, readLayer, requireDiffId } from './layer-stream.ts';
import { LayerTree } from './layer-tree.ts';
import { Limits, readLimits, type UnpackLimits } from './limits.ts';
import { type LayerAccount, MergedTree, type Tally } from './merged-tree.ts';
import type { Image } from './open-image.ts';
import type { UnpackProgress } from './unpack-options.ts';
import { Waste, type WastedPath } from './waste.ts';

export interface InspectedLayer extends LayerAccount {
  readonly digest: string;
  readonly diffId: string;
  readonly mediaType: string;
  /** Bytes as it is stored. */
  readonly size: number;
  /** Bytes of its archive without the compression. */
  readonly archiveSize: number;
  /** Entries of the archive, deletions among them. */
  readonly entries: number;
  /** Of the content of its files: those with several names once, holes not at all. */
  readonly bytes: number;
  /** Of these, how many nobody sees when all layers are there. */
  readonly wasted: number;
  /** The step that made it, as the config tells it. */
  readonly createdBy?: string;
}

export interface Inspection {
  /** The bottom one first. */
  readonly layers: readonly InspectedLayer[];
  /** Bytes of all layers as they are stored. */
  readonly size: number;
  /** Bytes of the content of all files in all layers. */
  readonly bytes: number;
  /** Of these, those that nobody sees: `bytes - wasted` is what the files of `tree` have. */
  readonly wasted: number;
  /** The part that is seen, from 0 to 1; 1 of an image without content. */
  readonly efficiency: number;
  /** What a container sees. */
  readonly tree: Tally;
  /** Where it is wasted, the most bytes first. */
  readonly waste: readonly WastedPath[];
}

export interface InspectOptions {
  /** Which layer, from 0 for the bottom one, and how far it is; `done` in its last call. */
  readonly onProgress?: (
    progress: UnpackProgress & { readonly layer: number; readonly done: boolean },
  ) => void;
  readonly signal?: AbortSignal;
  /** Of each layer, as those of unpackLayer. */
  readonly limits?: UnpackLimits;
}

interface ReadOptions extends InspectOptions {
  readonly limits: Required<UnpackLimits>;
}

// As many as the thread pool has threads; their trees are in memory until the layers below are done.
const AT_ONCE = 4;

interface Read {
  readonly tree: LayerTree;
  readonly archiveSize: number;
}

async function read(image: Image, layer: number, options: ReadOptions, signal: AbortSignal): Promise<Read> {
  const { onProgress } = options;
  const { open, diffId, size } = image.layers[layer]!;
  const limits = new Limits(options.limits);
  const tree = new LayerTree(layer, limits);
  const reading: LayerReading = { read: 0, unpacked: 0, diffId: undefined };
  let [told, bytes] = [0, 0];
  const tell = (done: boolean) => {
    told = reading.read;
    onProgress?.({ layer, entries: tree.entries, bytes, read: done ? size : reading.read, done });
  };
  const taker = {
    take(event: Parameters<LayerTree['take']>[0]) {
      tree.take(event);
      if (event.kind === 'data') bytes += event.bytes.length;
    },
    endEntry() {
      tree.endEntry();
      if (reading.read !== told) tell(false);
    },
  };
  try {
    await readLayer(open(), reading, limits, taker, signal);
    requireDiffId(reading, diffId);
    tree.finish();
  } catch (error) {
    throw ofLayer(explained(error, 'the layer'), layer, image.layers.length);
  }
  tell(true);
  return { tree, archiveSize: reading.unpacked };
}

/** The steps that made layers, if the config tells of each. */
function stepsOf({ config, layers }: Image): readonly (string | undefined)[] {
  const steps = (config.history ?? []).filter(({ empty_layer }) => !empty_layer);
  return steps.length === layers.length ? steps.map(({ created_by }) => created_by || undefined) : [];
}

async function laidOver(image: Image, options: ReadOptions): Promise<Inspection> {
  const failed = new AbortController();
  const { signal: given } = options;
  const signal = AbortSignal.any([failed.signal, ...(given === undefined ? [] : [given])]);
  const reading: Promise<Read>[] = [];
  const begin = () => {
    if (reading.length >= image.layers.length) return;
    const one = read(image, reading.length, options, signal);
    // The first failure ends the others, and is the one that is told.
    one.catch((error) => failed.abort(error));
    reading.push(one);
  };
  for (let i = 0; i < AT_ONCE; i++) begin();
  const waste = new Waste();
  const merged = new MergedTree(waste);
  const steps = stepsOf(image);
  const layers: Omit<InspectedLayer, 'wasted'>[] = [];
  try {
    for (const [i, { digest, diffId, mediaType, size }] of image.layers.entries()) {
      const { tree, archiveSize } = await reading[i]!;
      reading[i] = Promise.resolve({ tree: undefined as never, archiveSize });
      begin();
      const step = steps[i];
      const made = step === undefined ? {} : { createdBy: step };
      const own = { digest, diffId, mediaType, size, archiveSize, entries: tree.entries, bytes: tree.bytes };
      layers.push({ ...own, ...made, ...merged.lay(i, tree) });
    }
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(reading);
    given?.throwIfAborted();
    throw failed.signal.reason;
  }
  return sumUp(layers, merged, waste);
}

function sumUp(
  layers: readonly Omit<InspectedLayer, 'wasted'>[],
  merged: MergedTree,
  waste: Waste,
): Inspection {
  const all = layers.map((layer, i) => ({ ...layer, wasted: waste.of(i) }));
  const sum = (of: (layer: InspectedLayer) => number) => all.reduce((total, layer) => total + of(layer), 0);
  const [bytes, wasted] = [sum((layer) => layer.bytes), sum((layer) => layer.wasted)];
  return {
    layers: all,
    size: sum(({ size }) => size),
    bytes,
    wasted,
    efficiency: bytes === 0 ? 1 : (bytes - wasted) / bytes,
    tree: { paths: merged.paths(), bytes: bytes - wasted },
    waste: waste.paths(),
  };
}

const CHECKS = { onProgress: CALLBACK, signal: SIGNAL, limits: CHECKED_LATER } as const;

/**
 * Reads all layers of an image, several at a time, and tells what each does to those below it. Nothing is written. Memory
 * grows with the number of paths, not with what the files hold. Digests and diff IDs are checked on the way.
 *
 * Wasted is content of a layer that no name of the merged tree leads to: a file that a layer above overwrites, deletes, or
 * hides with an opaque directory. Where only the mode, owner or time changed, the layer carries the whole file again, and
 * that below is wasted. A file with several names is there as long as one of them is.
 *
 * @throws {OverlayError} those of archives and layers, ERR_OVERLAY_DIGEST_MISMATCH, ERR_OVERLAY_LAYER_LIMIT,
 *   ERR_OVERLAY_LAYER_LINK and others of docs/errors.md
 */
export async function inspectImage(image: Image, given?: InspectOptions): Promise<Inspection> {
  layersOf(image);
  const options = readOptions<InspectOptions>(given, CHECKS);
  const limits = readLimits(options.limits);
  options.signal?.throwIfAborted();
  return await laidOver(image, { ...options, limits });
}
