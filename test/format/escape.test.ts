import { describe, expect, test } from 'vitest';
import {
  decodeMountinfoOctal,
  encodeMountinfoOctal,
  escapeForFsconfigLowerEntry,
  escapeForFsconfigValue,
  escapeLowerEntry,
  escapeOptionValue,
  unescapeValue,
} from '../../lib/format/escape.ts';
import fc from '../support/fast-check.ts';
import { anyBytes } from './arbitrary.ts';

const bytes = Buffer.from('/a\\b:c,d e\n"#\xff', 'latin1');
const text = (buffer: Buffer): string => buffer.toString('latin1');

describe('backslashes', () => {
  test.each([
    ['upperdir= of mount(2)', escapeOptionValue, '/a\\\\b:c\\,d e\n"#\xff'],
    ['an entry of lowerdir= of mount(2)', escapeLowerEntry, '/a\\\\b\\:c\\,d e\n"#\xff'],
    ['upperdir of fsconfig(2)', escapeForFsconfigValue, '/a\\\\b:c,d e\n"#\xff'],
    ['an entry of lowerdir of fsconfig(2)', escapeForFsconfigLowerEntry, '/a\\\\b\\:c,d e\n"#\xff'],
  ])('stand where %s needs them, and nowhere else', (_, escapeBytes, expected) => {
    expect(text(escapeBytes(bytes))).toBe(expected);
  });

  test.each([
    [escapeOptionValue],
    [escapeLowerEntry],
    [escapeForFsconfigValue],
    [escapeForFsconfigLowerEntry],
  ])('come off again, whatever the bytes: %o', (escapeBytes) => {
    fc.assert(fc.property(anyBytes, (path) => void expect(unescapeValue(escapeBytes(path))).toEqual(path)));
  });

  test('plain names are passed through, not copied', () => {
    const plain = Buffer.from('/var/lib/plain');
    expect(escapeLowerEntry(plain)).toBe(plain);
    expect(unescapeValue(plain)).toBe(plain);
    expect(decodeMountinfoOctal(plain)).toBe(plain);
  });

  test('before any other byte are dropped, and so is a lone one at the end', () => {
    expect(text(unescapeValue(Buffer.from('/\\a\\\\\\')))).toBe('/a\\');
  });

  test('views into larger memory are read within their bounds', () => {
    const view = new Uint8Array(Buffer.from('xx/a:byy')).subarray(2, 6);
    expect(text(escapeLowerEntry(view))).toBe('/a\\:b');
    expect(text(decodeMountinfoOctal(view))).toBe('/a:b');
  });
});

describe('octal', () => {
  test("undoes the kernel's escapes", () => {
    expect(text(decodeMountinfoOctal(Buffer.from('/a\\040b\\011c\\012d\\134e\\054f\\043g')))).toBe(
      '/a b\tc\nd\\e,f#g',
    );
    expect(decodeMountinfoOctal(Buffer.from('\\377'))).toEqual(Buffer.from([0xff]));
  });

  test('leaves what is no escape', () => {
    for (const plain of ['\\', '\\04', '\\08x', 'a\\', '\\400', '\\x41']) {
      expect(text(decodeMountinfoOctal(Buffer.from(plain)))).toBe(plain);
    }
  });

  test('writes the six bytes that fields escape', () => {
    expect(text(encodeMountinfoOctal(Buffer.from(' \t\n\\,#:"')))).toBe('\\040\\011\\012\\134\\054\\043:"');
  });

  test('comes back, whatever the bytes', () => {
    fc.assert(
      fc.property(
        anyBytes,
        (path) => void expect(decodeMountinfoOctal(encodeMountinfoOctal(path))).toEqual(path),
      ),
    );
  });
});
