import { expect, test } from 'vitest';
import { opaqueName, readLayerName, whiteoutName } from '../../../lib/format/oci/whiteout-name.ts';
import fc from '../../support/fast-check.ts';

const of = (text: string): Buffer => Buffer.from(text, 'latin1');

test.each([
  ['a/b', 'entry', 'a/b'],
  ['./', 'entry', ''],
  ['a/.wh.b', 'whiteout', 'a/b'],
  ['./.wh.b', 'whiteout', 'b'],
  ['/.wh.b/', 'whiteout', 'b'],
  ['.wh..b', 'whiteout', '.b'],
  ['.wh....', 'whiteout', '...'],
  ['.wh..wh', 'whiteout', '.wh'],
  ['.wh..opq', 'whiteout', '.opq'],
  ['a/.wh..wh..opq', 'opaque', 'a'],
  ['.wh..wh..opq', 'opaque', ''],
  ['.wh..wh.', 'leftover', '.wh..wh.'],
  ['.wh..wh.plnk', 'leftover', '.wh..wh.plnk'],
  ['.wh..wh.plnk/1.2', 'leftover', '.wh..wh.plnk/1.2'],
  ['./.wh..wh.aufs', 'leftover', '.wh..wh.aufs'],
  ['a/.wh..wh.orph/.wh.b', 'leftover', 'a/.wh..wh.orph/.wh.b'],
  ['.wh..wh.orph/.wh..wh..opq', 'leftover', '.wh..wh.orph/.wh..wh..opq'],
  ['.wh..wh..opqx', 'leftover', '.wh..wh..opqx'],
  ['.wh.a/.wh..wh..opq', 'leftover', '.wh.a/.wh..wh..opq'],
  [`.wh.${'n'.repeat(255)}`, 'whiteout', 'n'.repeat(255)],
])('%j says %s of %j', (name, kind, path) => {
  expect(readLayerName(of(name))).toEqual({ kind, path: of(path) });
});

test.each([
  ['.wh.', /deletes no name/],
  ['a/.wh.', /deletes no name/],
  ['.wh..', /deletes no name/],
  ['.wh...', /deletes no name/],
  ['a/.wh.../', /deletes no name/],
  ['.wh.a/b', /lies in a whiteout/],
  ['.wh.a/.wh.b', /lies in a whiteout/],
  ['../.wh.a', /leads out/],
  ['.wh.a/..', /leads out/],
  [`.wh.${'n'.repeat(256)}`, /more than 255/],
  [`${'d'.repeat(256)}/.wh.a`, /more than 255/],
])('%j is refused', (name, message) => {
  const read = () => readLayerName(of(name));
  expect(read).toThrow(message);
  expect(read).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_LAYER_NAME' }));
});

test('names of whiteouts and markers are read as what they were made for', () => {
  const component = fc
    .array(fc.oneof(fc.constantFrom(...of('.wh')), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 9,
    })
    .map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll('/', '_'))
    .filter((text) => text !== '.' && text !== '..' && !text.startsWith('.wh.'));
  fc.assert(
    fc.property(fc.array(component, { minLength: 1, maxLength: 4 }), (components) => {
      const path = of(components.join('/'));
      expect(readLayerName(whiteoutName(path))).toEqual({ kind: 'whiteout', path });
      expect(readLayerName(opaqueName(path))).toEqual({ kind: 'opaque', path });
      expect(readLayerName(path)).toEqual({ kind: 'entry', path });
    }),
  );
  expect(opaqueName(of(''))).toEqual(of('.wh..wh..opq'));
});

test.each(['', '/', '.wh.a', 'a/.wh..wh.b'])('nothing deletes %j', (path) => {
  expect(() => whiteoutName(of(path))).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_LAYER_NAME' }));
});
