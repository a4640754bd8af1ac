import { expect, test } from 'vitest';
import {
  componentsOf,
  isReserved,
  pathOf,
  plainPath,
  shownName,
} from '../../../lib/format/oci/layer-name.ts';
import fc from '../../support/fast-check.ts';

const of = (text: string): Buffer => Buffer.from(text, 'latin1');

test.each([
  ['a', 'a'],
  ['./a', 'a'],
  ['/a', 'a'],
  ['a//b', 'a/b'],
  ['a/./b/', 'a/b'],
  ['./', ''],
  ['/', ''],
  ['.', ''],
  ['', ''],
  ['...', '...'],
  ['..a/b..', '..a/b..'],
  ['\xff\n\\', '\xff\n\\'],
  ['.wh', '.wh'],
])('%j comes to %j', (name, path) => {
  expect(plainPath(of(name))).toEqual(of(path));
});

test.each([
  ['..', /leads out/],
  ['a/../b', /leads out/],
  ['/..', /leads out/],
  ['../../etc/passwd', /leads out/],
  ['a\0b', /NUL/],
  ['.wh.a/b', /whiteouts/],
  ['a/.wh.b', /whiteouts/],
  ['n'.repeat(256), /255 bytes/],
])('%j is refused', (name, message) => {
  const read = () => plainPath(of(name));
  expect(read).toThrow(message);
  expect(read).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_LAYER_NAME' }));
});

test('any name comes to a path that stays as it is, or is refused', () => {
  const byte = fc.oneof(fc.constantFrom(...of('//..a')), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 20 }), (bytes) => {
      const name = Buffer.from(bytes);
      const outside = name.toString('latin1').split('/').includes('..');
      if (outside) return void expect(() => componentsOf(name)).toThrow();
      const path = pathOf(componentsOf(name));
      expect(pathOf(componentsOf(path))).toEqual(path);
      expect(path.toString('latin1')).not.toMatch(/^\/|\/$|\/\/|(?:^|\/)\.{1,2}(?:\/|$)/);
    }),
  );
});

test('names are shown in one line', () => {
  expect(shownName(of('a\n"\xff'))).toBe('"a\\n\\"\ufffd"');
});

test('what begins with .wh. is reserved', () => {
  expect(['.wh.', '.wh.a', '.wh..wh.b', '.wh', 'a.wh.', '.why'].map((name) => isReserved(of(name)))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
