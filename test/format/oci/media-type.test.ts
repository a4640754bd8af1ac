import { expect, test } from 'vitest';
import { MEDIA_TYPES, mediaKindOf, requireMediaKind } from '../../../lib/format/oci/media-type.ts';

test('those that are written are known', () => {
  expect(mediaKindOf(MEDIA_TYPES.index)).toEqual({ kind: 'index' });
  expect(mediaKindOf(MEDIA_TYPES.manifest)).toEqual({ kind: 'manifest' });
  expect(mediaKindOf(MEDIA_TYPES.config)).toEqual({ kind: 'config' });
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    expect(mediaKindOf(MEDIA_TYPES.layer[compression])).toEqual({ kind: 'layer', compression });
  }
});

test.each([
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'manifest'],
  ['application/vnd.docker.container.image.v1+json', 'config'],
  ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'layer'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'layer'],
  ['Application/VND.oci.image.index.v1+json; charset=utf-8', 'index'],
])('%s is of kind %s', (mediaType, kind) => {
  expect(mediaKindOf(mediaType)).toMatchObject({ kind });
});

test.each(['', 'constructor', 'application/vnd.docker.distribution.manifest.v1+json'])(
  '%j is not known',
  (mediaType) => {
    expect(mediaKindOf(mediaType)).toBeUndefined();
    expect(() => requireMediaKind(mediaType, 'x', 'layer')).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_IMAGE_MEDIA_TYPE' }),
    );
  },
);

test('a kind that is not wanted is named', () => {
  expect(() => requireMediaKind(MEDIA_TYPES.config, 'layers[0]', 'layer')).toThrow(
    /^layers\[0\] has the media type .* a media type of a config$/,
  );
  expect(requireMediaKind(MEDIA_TYPES.layer.zstd, 'x', 'layer').compression).toBe('zstd');
});
