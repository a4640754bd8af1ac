import { expect, test } from 'vitest';
import { fitsOctal, octalField, parseNumberField } from '../../../lib/format/tar/number-field.ts';
import fc from '../../support/fast-check.ts';

const field = (text: string): Buffer => Buffer.from(text, 'latin1');

test.each([
  ['0000644\0', 0o644],
  ['   644 \0', 0o644],
  ['644\0junk', 0o644],
  ['644 \0junk', 0o644],
  ['\x00\x00644\0\0', 0o644],
  ['77777777', 0o77777777],
  ['\0\0\0\0\0\0\0\0', 0],
  ['        ', 0],
  ['', 0],
  ['\x80\0\0\0\x00\x20\0\x01', 2097153],
  ['\xff\xff\xff\xff\xff\xff\xff\xfe', -2],
  ['\xff\0\0\0\0\0\0\0', undefined],
  ['\x80\x20\0\0\0\0\0\0', undefined],
  ['0000648\0', undefined],
  ['6 4', undefined],
  ['-644', undefined],
  ['777777777777777777777', undefined],
])('reads %j as %s', (text, value) => {
  expect(parseNumberField(field(text))).toBe(value);
});

test('what fits is written with leading zeros and a NUL, and read again', () => {
  fc.assert(
    fc.property(fc.constantFrom(8, 12), fc.nat(), (width, number) => {
      fc.pre(fitsOctal(number, width));
      const written = octalField(number, width);
      expect(written).toMatch(new RegExp(`^[0-7]{${width - 1}}\0$`));
      expect(parseNumberField(field(written))).toBe(number);
    }),
  );
});

test('the widths end where a NUL would have no room', () => {
  expect(fitsOctal(0o7777777, 8)).toBe(true);
  expect(fitsOctal(0o10000000, 8)).toBe(false);
  expect(fitsOctal(-1, 12)).toBe(false);
  expect(octalField(0o10000000, 8)).toBe('0000000\0');
});

test('any bytes are a safe integer or nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      const value = parseNumberField(bytes);
      expect(value === undefined || Number.isSafeInteger(value)).toBe(true);
    }),
  );
});
