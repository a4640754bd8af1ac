import { expect, test } from 'vitest';
import { checkLayout, parseIndex } from '../../../lib/format/oci/image-index.ts';
import { MEDIA_TYPES } from '../../../lib/format/oci/media-type.ts';
import { bytes, index, manifest } from './documents.ts';

test('an index is given as it is', () => {
  expect(parseIndex(bytes(index))).toEqual(index);
});

test.each([
  ['a manifest', manifest, /has no manifests/],
  ['one that is a manifest too', { ...index, layers: [] }, /is a manifest too/],
  ['one of schema 1', { ...index, schemaVersion: 1 }, /schemaVersion is not 2/],
  ['another media type', { ...index, mediaType: MEDIA_TYPES.manifest }, /media type of a manifest/],
  ['a broken descriptor', { ...index, manifests: [{}] }, /the index.manifests\[0\] has no mediaType/],
])('%s is refused', (_, document, message) => {
  expect(() => parseIndex(bytes(document))).toThrow(message);
});

test('one version of layouts is known', () => {
  checkLayout(bytes({ imageLayoutVersion: '1.0.0' }));
  expect(() => checkLayout(bytes({ imageLayoutVersion: '2.0.0' }))).toThrow(
    'oci-layout.imageLayoutVersion is not "1.0.0"',
  );
});
