import { expect, test } from 'vitest';
import { parseConfig } from '../../../lib/format/oci/image-config.ts';
import { bytes, config } from './documents.ts';

test('a config is given as it is, with members that are not known', () => {
  expect(parseConfig(bytes(config), 2)).toEqual(config);
});

test.each([
  ['another number of layers', config, 3, /diff_ids has 2 layers, and the manifest 3/],
  ['no root filesystem', { ...config, rootfs: null }, 2, /rootfs is no object/],
  ['environment that is no list', { ...config, config: { Env: 'x' } }, 2, /config.Env is no list/],
  ['a broken digest', { ...config, rootfs: { type: 'layers', diff_ids: ['x'] } }, 1, /is no digest/],
])('%s is refused', (_, document, layers, message) => {
  expect(() => parseConfig(bytes(document), layers)).toThrow(message);
});
