// openImage(): an image in a directory or an archive, its documents read, its layers ready to be.
import type { Readable } from 'node:stream';
import { readOptions, TEXT } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import type { ImageConfig } from '../format/oci/image-config.ts';
import type { Manifest } from '../format/oci/manifest.ts';
import { type Platform, parsePlatform } from '../format/oci/platform.ts';
import { readPath } from '../layer/given-path.ts';
import { openBlob } from './blob.ts';
import { explained } from './failure.ts';
import { type FoundImage, findImage } from './find-image.ts';
import { type ImageFiles, openFiles } from './image-files.ts';

export interface ImageOptions {
  /** Such as `linux/arm64` or `linux/arm/v7`. Default: this machine's; of an image for one alone, that one. */
  readonly platform?: string | Platform;
  /** Of several: the name in the index, `repository:tag` of `docker save`, or a digest. */
  readonly name?: string;
}

export interface ImageLayer {
  /** Of the layer as it is stored. */
  readonly digest: string;
  /** Of the layer without its compression. */
  readonly diffId: string;
  /** Bytes as it is stored. */
  readonly size: number;
  readonly mediaType: string;
  /** The bytes as they are stored; the stream fails at its end when they have another digest or size. */
  open(): Readable;
}

/** Close it, when its layers have been read. */
export interface Image extends AsyncDisposable {
  /** Of an archive of `docker save`, which has none, one with the same content. */
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** Bottom first, as the documents have them. */
  readonly layers: readonly ImageLayer[];
  close(): Promise<void>;
}

function layersOf({ layers }: FoundImage): ImageLayer[] {
  return layers.map(({ descriptor, diffId, place }, i) => ({
    digest: descriptor.digest,
    diffId,
    size: descriptor.size,
    mediaType: descriptor.mediaType,
    open: () => openBlob(place, `layer ${i + 1} of ${layers.length}`, descriptor),
  }));
}

const CHECKS = {
  platform: {
    expected: 'a platform such as linux/amd64',
    passes: (value: unknown) => typeof value === 'string' || isPlatform(value),
  },
  name: TEXT,
} as const;

function isPlatform(value: unknown): value is Platform {
  const { os, architecture } = (value ?? {}) as Partial<Platform>;
  return typeof os === 'string' && typeof architecture === 'string';
}

function platformOf(platform: ImageOptions['platform']): Platform {
  if (platform === undefined) return { os: 'linux', architecture: process.arch };
  return typeof platform === 'string' ? parsePlatform(platform) : platform;
}

/**
 * Opens an image: an OCI layout, an archive of one, or an archive of `docker save`. Its documents are read and checked
 * against their digests.
 *
 * @throws {OverlayError} ERR_OVERLAY_NO_IMAGE, those of broken or missing parts of images, ERR_OVERLAY_DIGEST_MISMATCH, those of archives,
 *   ERR_OVERLAY_NOT_FOUND, ERR_OVERLAY_NO_ACCESS
 */
export async function openImage(path: PathLike, given?: ImageOptions): Promise<Image> {
  const { bytes, shown } = readPath(path);
  const options = readOptions<ImageOptions>(given, CHECKS);
  let files: ImageFiles | undefined;
  try {
    const platform = platformOf(options.platform);
    files = await openFiles(bytes);
    const request = { platform, platformGiven: options.platform !== undefined, name: options.name };
    const found = await findImage(files, request);
    const opened = files;
    const close = async () => await opened[Symbol.asyncDispose]();
    const { manifest, config } = found;
    return { manifest, config, layers: layersOf(found), close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await files?.[Symbol.asyncDispose]();
    throw explained(error, shown);
  }
}
