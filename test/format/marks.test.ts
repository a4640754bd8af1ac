// opaque, whiteout, impure, nlink and protattr: what the kernel takes, and what it does not.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as marks from '../../lib/format/marks.ts';

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
