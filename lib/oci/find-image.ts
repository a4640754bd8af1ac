// Which image of a layout is meant, by platform and name, and what its manifest says; of `docker save` the same.

import type { Descriptor } from '../format/oci/descriptor.ts';
import { blobPath, digestOf } from '../format/oci/digest.ts';
import { parseSavedImages } from '../format/oci/docker-archive.ts';
import { type ImageConfig, parseConfig } from '../format/oci/image-config.ts';
import { checkLayout, parseIndex, REFERENCE_NAME } from '../format/oci/image-index.ts';
import { type Manifest, parseManifest } from '../format/oci/manifest.ts';
import { MEDIA_TYPES, requireMediaKind } from '../format/oci/media-type.ts';
import { choosePlatform, fitness, noPlatform, type Platform } from '../format/oci/platform.ts';
import { digestAt, type Place, readDocument, sizeAt, startOf } from './blob.ts';
import { failure } from './failure.ts';
import type { ImageFiles } from './image-files.ts';

export interface FoundLayer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
  readonly place: Place;
}

export interface FoundImage {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly layers: readonly FoundLayer[];
}

/** What is asked for. */
export interface ImageRequest {
  readonly platform: Platform;
  /** The caller named it. */
  readonly platformGiven: boolean;
  readonly name: string | undefined;
}

// Indexes in indexes are allowed, and nobody makes more than two.
const MOST_INDEXES = 4;

function notNamed(files: ImageFiles, wanted: string | undefined, names: readonly string[]) {
  const list = names.length === 0 ? 'it names none' : `it has ${names.join(', ')}`;
  const sentence =
    wanted === undefined
      ? `${files.shown} has several images, and none was named`
      : `${files.shown} has no image of the name ${JSON.stringify(wanted)}`;
  return failure('ERR_OVERLAY_IMAGE_NAME', sentence, `name one as \`name\`: ${list}`, {
    option: 'name',
    path: files.shown,
  });
}

function named(files: ImageFiles, manifests: readonly Descriptor[], name: string | undefined): Descriptor[] {
  const nameOf = ({ annotations }: Descriptor) => annotations?.[REFERENCE_NAME];
  const names = [...new Set(manifests.flatMap((one) => nameOf(one) ?? []))];
  if (name === undefined) {
    if (names.length > 1) throw notNamed(files, name, names);
    return [...manifests];
  }
  const found = manifests.filter((one) => nameOf(one) === name || one.digest === name);
  if (found.length === 0) throw notNamed(files, name, names);
  return found;
}

/** An attestation and the like is in an index as an image of no platform. */
const isImage = ({ platform }: Descriptor): boolean => platform?.os !== 'unknown';

async function manifestIn(
  files: ImageFiles,
  manifests: readonly Descriptor[],
  { platform, name }: ImageRequest,
): Promise<Manifest> {
  let offers = named(files, manifests, name).filter(isImage);
  for (let depth = 0; depth < MOST_INDEXES; depth++) {
    if (offers.length === 0) throw noPlatform(platform, []);
    const chosen = choosePlatform(offers, platform);
    const { kind } = requireMediaKind(chosen.mediaType, chosen.digest, 'index', 'manifest');
    const what = kind === 'index' ? 'an index of the image' : 'the manifest';
    const bytes = await readDocument(files.at(blobPath(chosen.digest)), what, chosen);
    if (kind === 'manifest') return parseManifest(bytes, `the manifest ${chosen.digest}`);
    offers = parseIndex(bytes, `the index ${chosen.digest}`).manifests.filter(isImage);
  }
  const sentence = `${files.shown} has indexes in indexes, more than ${MOST_INDEXES} deep`;
  throw failure('ERR_OVERLAY_IMAGE_DOCUMENT', sentence, 'make the image again', { path: files.shown });
}

function requireFit(config: ImageConfig, { platform, platformGiven }: ImageRequest): void {
  const { os, architecture, variant } = config;
  const own = { os, architecture, ...(variant && { variant }) };
  if (platformGiven && fitness(own, platform) === 0) throw noPlatform(platform, [own]);
}

async function inLayout(files: ImageFiles, request: ImageRequest): Promise<FoundImage> {
  checkLayout(await readDocument(files.at('oci-layout'), 'oci-layout'));
  const index = parseIndex(await readDocument(files.at('index.json'), 'index.json'), 'index.json');
  const manifest = await manifestIn(files, index.manifests, request);
  const { config: descriptor } = manifest;
  const bytes = await readDocument(files.at(blobPath(descriptor.digest)), 'the config', descriptor);
  const config = parseConfig(bytes, manifest.layers.length);
  requireFit(config, request);
  const layers = manifest.layers.map((layer, i) => ({
    descriptor: layer,
    diffId: config.rootfs.diff_ids[i]!,
    place: files.at(blobPath(layer.digest)),
  }));
  return { manifest, config, layers };
}

/** The media type by the first bytes: such archives say nothing of it, and tools put in what they have. */
async function savedLayer(place: Place, diffId: string): Promise<Descriptor> {
  const start = await startOf(place, 4);
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  const isZstd = start.equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]));
  if (!isGzip && !isZstd)
    return { mediaType: MEDIA_TYPES.layer.none, digest: diffId, size: await sizeAt(place, 'a layer') };
  return { mediaType: MEDIA_TYPES.layer[isGzip ? 'gzip' : 'zstd'], ...(await digestAt(place)) };
}

async function inSaved(files: ImageFiles, request: ImageRequest): Promise<FoundImage> {
  const images = parseSavedImages(await readDocument(files.at('manifest.json'), 'manifest.json'));
  const names = images.flatMap(({ repoTags }) => repoTags);
  const { name } = request;
  const found =
    name === undefined
      ? images
      : images.filter(({ repoTags, config }) => repoTags.includes(name) || config === name);
  if (found.length !== 1) throw notNamed(files, name, names);
  const [image] = found;
  const bytes = await readDocument(files.at(image!.config), 'the config');
  const config = parseConfig(bytes, image!.layers.length);
  requireFit(config, request);
  const layers: FoundLayer[] = [];
  for (const [i, path] of image!.layers.entries()) {
    const place = files.at(path);
    const diffId = config.rootfs.diff_ids[i]!;
    layers.push({ descriptor: await savedLayer(place, diffId), diffId, place });
  }
  const own: Descriptor = { mediaType: MEDIA_TYPES.config, digest: digestOf(bytes), size: bytes.length };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: own,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  return { manifest, config, layers };
}

/** @throws {FormatError} `those of broken or missing parts of images` @throws {OverlayError} ERR_OVERLAY_NO_IMAGE and others */
export async function findImage(files: ImageFiles, request: ImageRequest): Promise<FoundImage> {
  if (await files.has('oci-layout')) return await inLayout(files, request);
  const saved = await files.has('manifest.json');
  // A directory of the containers tools (`dir:`) has this file, and its manifest.json is of another form.
  const ofSkopeo = saved && (await files.has('version'));
  if (saved && !ofSkopeo) return await inSaved(files, request);
  throw failure(
    'ERR_OVERLAY_NO_IMAGE',
    ofSkopeo
      ? `${files.shown} is an image in the form \`dir:\` of skopeo, which is not read`
      : `${files.shown} is no image: it has neither oci-layout nor manifest.json in it`,
    'name an OCI layout, an archive of one, or one of docker save; `skopeo copy` makes them of other images',
    { path: files.shown },
  );
}
