// opaque, whiteout, impure, nlink and protattr: what the kernel takes, and what it does not.

import { expect, test } from 'vitest';
import * as marks from '../../lib/format/marks.ts';
import fc from '../support/fast-check.ts';

const bytes = (text: string) => Buffer.from(text);

test('opaque is y or x, and exactly that', () => {
  expect(marks.decodeOpaque(bytes('y'))).toBe('opaque');
  expect(marks.decodeOpaque(bytes('x'))).toBe('whiteouts');
  for (const other of ['', 'n', 'Y', 'yy', 'y\0']) expect(marks.decodeOpaque(bytes(other))).toBeUndefined();
  expect(marks.decodeOpaque(undefined)).toBeUndefined();
  for (const opaque of ['opaque', 'whiteouts'] as const)
    expect(marks.decodeOpaque(marks.encodeOpaque(opaque))).toBe(opaque);
});

test('a whiteout is a device 0:0, or an empty regular file with the mark', () => {
  const zero = { major: 0, minor: 0 };
  const of = (mode: number, size = 0, marked = false, rdev = zero) =>
    marks.whiteoutForm({ mode, rdev, size, marked });
  expect(of(0o020000)).toBe('device');
  expect(of(0o020644, 0, true)).toBe('device');
  expect(of(0o100000, 0, true)).toBe('xattr');
  expect(of(0o100000)).toBeUndefined();
  expect(of(0o100000, 1, true)).toBeUndefined();
  expect(of(0o040000, 0, true)).toBeUndefined();
  expect(of(0o060000)).toBeUndefined();
  expect(of(0o020000, 0, false, { major: 1, minor: 0 })).toBeUndefined();
});

test('impure is y', () => {
  expect(marks.decodeImpure(bytes('y'))).toBe(true);
  expect(marks.decodeImpure(bytes('n'))).toBe(false);
  expect(marks.decodeImpure(undefined)).toBe(false);
});

test('nlink counts from the lower or the upper inode', () => {
  expect(marks.decodeNlink(bytes('U+1'))).toEqual({ relativeTo: 'upper', difference: 1 });
  expect(marks.decodeNlink(bytes('L-12'))).toEqual({ relativeTo: 'lower', difference: -12 });
  for (const wrong of ['', 'U', 'U1', 'X+1', 'U+', 'U+1 ', 'U+9999999999', 'U+0x1'])
    expect(marks.decodeNlink(bytes(wrong))).toBeUndefined();
  fc.assert(
    fc.property(
      fc.constantFrom('lower' as const, 'upper' as const),
      fc.integer(),
      (relativeTo, difference) => {
        const count = { relativeTo, difference };
        expect(marks.decodeNlink(marks.encodeNlink(count))).toEqual(count);
      },
    ),
  );
});

test('protattr is a, i, or both', () => {
  expect(marks.decodeProtattr(bytes('ai'))).toEqual({ append: true, immutable: true });
  for (const wrong of ['', 'x', 'a ', 'ai,']) expect(marks.decodeProtattr(bytes(wrong))).toBeUndefined();
  for (const text of ['a', 'i', 'ai'])
    expect(marks.encodeProtattr(marks.decodeProtattr(bytes(text))!).toString()).toBe(text);
});

test('uuid is 16 bytes, shown as uuidgen(1) does', () => {
  const text = '0189f2d4-33c1-7abc-8def-0123456789ab';
  expect(marks.encodeUuid(text)).toHaveLength(16);
  expect(marks.decodeUuid(marks.encodeUuid(text))).toBe(text);
  for (const length of [0, 15, 17, 36]) expect(marks.decodeUuid(Buffer.alloc(length))).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (value) => {
      expect(marks.encodeUuid(marks.decodeUuid(value)!)).toEqual(Buffer.from(value));
    }),
  );
});

/** A word's two directions, with bytes that look like its values more often than chance would have it. */
const words: readonly [
  string,
  (value: Uint8Array) => unknown,
  ((meaning: never) => Buffer) | undefined,
  string,
][] = [
  ['opaque', marks.decodeOpaque, marks.encodeOpaque, 'xy\0Y'],
  ['impure', marks.decodeImpure, undefined, 'y\0n'],
  ['nlink', marks.decodeNlink, marks.encodeNlink, 'UL+-0123456789 \0'],
  ['protattr', marks.decodeProtattr, marks.encodeProtattr, 'aix,\0'],
];

test.each(words)(
  '%s: no bytes make it throw, and what it takes keeps its meaning',
  (_, decode, encode, likely) => {
    const likelyByte = fc.constantFrom(...Buffer.from(likely));
    const bytes = fc.array(fc.oneof({ weight: 5, arbitrary: likelyByte }, fc.nat(255)), { maxLength: 14 });
    fc.assert(
      fc.property(bytes, (array) => {
        const meaning = decode(Buffer.from(array));
        if (encode === undefined) expect(meaning).toBe(array.length === 1 && array[0] === 0x79);
        else if (meaning !== undefined) expect(decode(encode(meaning as never))).toEqual(meaning);
      }),
      { numRuns: 1000 },
    );
  },
);

test('a whiteout is told from all else, whatever its mode, size and numbers', () => {
  const type = fc.constantFrom(0o010000, 0o020000, 0o040000, 0o060000, 0o100000, 0o120000, 0o140000);
  const signs = fc.record({
    mode: fc.tuple(type, fc.nat(0o7777)).map(([type, mode]) => type | mode),
    rdev: fc.record({ major: fc.nat(1), minor: fc.nat(1) }),
    size: fc.oneof(fc.nat(1), fc.bigInt(0n, 1n)),
    marked: fc.boolean(),
  });
  fc.assert(
    fc.property(signs, (signs) => {
      const is = (type: number) => (signs.mode & 0o170000) === type;
      const device = is(0o020000) && signs.rdev.major === 0 && signs.rdev.minor === 0;
      const file = is(0o100000) && Number(signs.size) === 0 && signs.marked;
      expect(marks.whiteoutForm(signs)).toBe(device ? 'device' : file ? 'xattr' : undefined);
    }),
    { numRuns: 500 },
  );
});
