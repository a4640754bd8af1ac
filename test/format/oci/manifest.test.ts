import { expect, test } from 'vitest';
import { parseManifest } from '../../../lib/format/oci/manifest.ts';
import { MEDIA_TYPES } from '../../../lib/format/oci/media-type.ts';
import { bytes, descriptor, index, manifest } from './documents.ts';

test('a manifest is given as it is', () => {
  expect(parseManifest(bytes(manifest))).toEqual(manifest);
});

test.each([
  ['an index', index, 'ERR_OVERLAY_IMAGE_DOCUMENT', /has no config/],
  ['one that is an index too', { ...manifest, manifests: [] }, 'ERR_OVERLAY_IMAGE_DOCUMENT', /index too/],
  [
    'an artifact',
    { ...manifest, config: descriptor('application/vnd.oci.empty.v1+json') },
    'ERR_OVERLAY_IMAGE_MEDIA_TYPE',
    /the manifest.config has the media type/,
  ],
  [
    'a layer that is none',
    { ...manifest, layers: [descriptor(MEDIA_TYPES.config)] },
    'ERR_OVERLAY_IMAGE_MEDIA_TYPE',
    /the manifest.layers\[0\] has the media type/,
  ],
])('%s is refused', (_, document, code, message) => {
  const parse = () => parseManifest(bytes(document));
  expect(parse).toThrow(message);
  expect(parse).toThrow(expect.objectContaining({ code }));
});
