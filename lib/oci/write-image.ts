// writeImage(): layers and a config become an OCI layout, whole or not at all.
import { createHash } from 'node:crypto';
import { chmod, mkdir, open, rename, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { copyOf, hasFields, readOptions, SIGNAL, wrongType } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { formatCanonicalJson } from '../format/oci/canonical-json.ts';
import type { Descriptor } from '../format/oci/descriptor.ts';
import { blobPath, digestOf } from '../format/oci/digest.ts';
import { type ImageConfig, parseConfig } from '../format/oci/image-config.ts';
import { REFERENCE_NAME } from '../format/oci/image-index.ts';
import { MEDIA_TYPES } from '../format/oci/media-type.ts';
import { procPath } from '../kernel/constants.ts';
import { readEntryPath } from '../layer/given-path.ts';
import { explained } from './failure.ts';
import type { ImageLayer } from './open-image.ts';
import type { PackedLayer } from './pack-layer.ts';
import { Staging } from './staging.ts';
import { IMPLIED } from './tree.ts';

/** The config of the image; what its layers are is filled in. */
export type GivenConfig = Omit<ImageConfig, 'rootfs'>;

export interface WriteOptions {
  /** By which tools find it in the layout. Default: `latest`. */
  readonly name?: string;
  /** Ends it: nothing is there then, and the layer that was being read is destroyed. */
  readonly signal?: AbortSignal;
}

const CHECKS = {
  name: {
    expected: 'a text that is not empty',
    passes: (value: unknown) => typeof value === 'string' && value !== '',
  },
  signal: SIGNAL,
} as const;

const isLayer = (layer: unknown): boolean =>
  hasFields(layer, 'mediaType', 'result') || hasFields(layer, 'mediaType', 'open', 'diffId');

interface Written {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

async function put(
  root: string,
  layer: ImageLayer | PackedLayer,
  number: number,
  signal: AbortSignal | undefined,
): Promise<Written> {
  signal?.throwIfAborted();
  const isPacked = 'result' in layer;
  const stream: Readable = isPacked ? layer : layer.open();
  const hash = createHash('sha256');
  let size = 0;
  const aside = `${root}/layer-${number}`;
  const file = await open(aside, 'wx', 0o644);
  // Also of a stream that gives nothing any more.
  const stop = () => stream.destroy(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream) {
      hash.update(chunk);
      size += chunk.length;
      await file.writeFile(chunk);
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    await file.close();
  }
  signal?.throwIfAborted();
  const digest = `sha256:${hash.digest('hex')}`;
  await rename(aside, `${root}/${blobPath(digest)}`);
  const { diffId } = isPacked ? await layer.result : layer;
  return { descriptor: { mediaType: layer.mediaType, digest, size }, diffId };
}

async function putDocument(root: string, mediaType: string, document: unknown): Promise<Descriptor> {
  const bytes = formatCanonicalJson(document);
  const digest = digestOf(bytes);
  await writeFile(`${root}/${blobPath(digest)}`, bytes, { mode: 0o644 });
  return { mediaType, digest, size: bytes.length };
}

async function fill(
  root: string,
  layers: readonly (ImageLayer | PackedLayer)[],
  config: GivenConfig,
  name: string,
  signal: AbortSignal | undefined,
) {
  await mkdir(`${root}/blobs/sha256`, { recursive: true });
  const written: Written[] = [];
  for (const [i, layer] of layers.entries()) written.push(await put(root, layer, i, signal));
  const whole = { ...config, rootfs: { type: 'layers', diff_ids: written.map(({ diffId }) => diffId) } };
  parseConfig(formatCanonicalJson(whole), layers.length);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: await putDocument(root, MEDIA_TYPES.config, whole),
    layers: written.map(({ descriptor }) => descriptor),
  };
  const { os, architecture, variant } = config;
  const entry = {
    ...(await putDocument(root, MEDIA_TYPES.manifest, manifest)),
    platform: { os, architecture, variant: variant ?? undefined },
    annotations: { [REFERENCE_NAME]: name },
  };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [entry] };
  await writeFile(`${root}/index.json`, formatCanonicalJson(index), { mode: 0o644 });
  await writeFile(`${root}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}', { mode: 0o644 });
}

/**
 * Writes an image as an OCI layout into the directory `path`, which must not be there or be empty: filled beside it, put
 * on the disk, and renamed.
 *
 * @param layers bottom first: of another image, or from packLayer
 * @throws {OverlayError} ERR_OVERLAY_TARGET_EXISTS, ERR_OVERLAY_IMAGE_DOCUMENT for a config that is none, ERR_OVERLAY_NO_SPACE,
 *   and what the layers fail with
 */
export async function writeImage(
  layers: readonly (ImageLayer | PackedLayer)[],
  config: GivenConfig,
  path: PathLike,
  options?: WriteOptions,
): Promise<void> {
  const target = readEntryPath(path);
  const { name = 'latest', signal } = readOptions<WriteOptions>(options, CHECKS);
  if (!Array.isArray(layers)) wrongType('layers', 'an array of layers', layers);
  for (const [i, layer] of layers.entries())
    if (!isLayer(layer)) wrongType('layers', 'a layer of an image, or what packLayer() gives', layer, i);
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    wrongType('config', 'an object', config);
  const given = copyOf(config, 'config') as GivenConfig;
  const staging = await Staging.make(target, 'new');
  try {
    const root = procPath(staging.fd);
    await fill(root, layers, given, name, signal);
    await chmod(root, IMPLIED.mode);
    await staging.finish(true);
  } catch (error) {
    await staging.discard();
    throw explained(error, target.shown);
  }
}
