// The media types of images, those of OCI and of Docker, and what each stands for.
//
// Source: the OCI image specification, media-types.md; the Docker distribution manifest specification, version 2.2.
import { FormatError } from '../format-error.ts';

/** How a layer says that it is compressed. It may lie: its first bytes tell. */
export type Compression = 'none' | 'gzip' | 'zstd';

export type MediaKind =
  | { readonly kind: 'index' | 'manifest' | 'config' }
  | { readonly kind: 'layer'; readonly compression: Compression };

const OCI = 'application/vnd.oci.image.';
const DOCKER = 'application/vnd.docker.';

/** Those that are written. */
export const MEDIA_TYPES: {
  readonly index: string;
  readonly manifest: string;
  readonly config: string;
  readonly layer: Readonly<Record<Compression, string>>;
} = {
  index: `${OCI}index.v1+json`,
  manifest: `${OCI}manifest.v1+json`,
  config: `${OCI}config.v1+json`,
  layer: {
    none: `${OCI}layer.v1.tar`,
    gzip: `${OCI}layer.v1.tar+gzip`,
    zstd: `${OCI}layer.v1.tar+zstd`,
  },
};

const layer = (compression: Compression): MediaKind => ({ kind: 'layer', compression });

const KINDS: Readonly<Record<string, MediaKind>> = {
  [MEDIA_TYPES.index]: { kind: 'index' },
  [MEDIA_TYPES.manifest]: { kind: 'manifest' },
  [MEDIA_TYPES.config]: { kind: 'config' },
  [MEDIA_TYPES.layer.none]: layer('none'),
  [MEDIA_TYPES.layer.gzip]: layer('gzip'),
  [MEDIA_TYPES.layer.zstd]: layer('zstd'),
  [`${OCI}layer.nondistributable.v1.tar`]: layer('none'),
  [`${OCI}layer.nondistributable.v1.tar+gzip`]: layer('gzip'),
  [`${OCI}layer.nondistributable.v1.tar+zstd`]: layer('zstd'),
  [`${DOCKER}distribution.manifest.list.v2+json`]: { kind: 'index' },
  [`${DOCKER}distribution.manifest.v2+json`]: { kind: 'manifest' },
  [`${DOCKER}container.image.v1+json`]: { kind: 'config' },
  [`${DOCKER}image.rootfs.diff.tar`]: layer('none'),
  [`${DOCKER}image.rootfs.diff.tar.gzip`]: layer('gzip'),
  [`${DOCKER}image.rootfs.diff.tar.zstd`]: layer('zstd'),
  [`${DOCKER}image.rootfs.foreign.diff.tar`]: layer('none'),
  [`${DOCKER}image.rootfs.foreign.diff.tar.gzip`]: layer('gzip'),
};

/** What a media type stands for; undefined when it is not known. Parameters behind `;` mean nothing. */
export function mediaKindOf(mediaType: string): MediaKind | undefined {
  const bare = mediaType.split(';', 1)[0]!.trim().toLowerCase();
  return Object.hasOwn(KINDS, bare) ? KINDS[bare] : undefined;
}

/**
 * @param what the part of the image, for the message
 * @throws {FormatError} `ERR_OVERLAY_IMAGE_MEDIA_TYPE` for anything but the kinds
 */
export function requireMediaKind<K extends MediaKind['kind']>(
  mediaType: string,
  what: string,
  ...kinds: readonly K[]
): Extract<MediaKind, { kind: K }> {
  const found = mediaKindOf(mediaType);
  if (found !== undefined && (kinds as readonly string[]).includes(found.kind)) {
    return found as Extract<MediaKind, { kind: K }>;
  }
  const shown = JSON.stringify(mediaType);
  const problem = found === undefined ? 'which is not known' : `a media type of a ${found.kind}`;
  throw new FormatError('ERR_OVERLAY_IMAGE_MEDIA_TYPE', `${what} has the media type ${shown}, ${problem}`, {
    hint: 'convert the image to OCI, as `skopeo copy --format oci` does; artifacts that are no images have no layers',
  });
}
