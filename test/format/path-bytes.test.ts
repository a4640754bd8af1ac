import { describe, expect, test } from 'vitest';
import type { PathLike } from '../../lib/format/mount-spec.ts';
import { bytesToPath, pathToBytes } from '../../lib/format/path-bytes.ts';
import fc from '../support/fast-check.ts';
import { pathBytes } from './arbitrary.ts';

describe('pathToBytes', () => {
  test('takes strings, bytes and file: URLs', () => {
    expect(pathToBytes('/é')).toEqual(Buffer.from([0x2f, 0xc3, 0xa9]));
    expect(pathToBytes(new Uint8Array([0x2f, 0xff]))).toEqual(Buffer.from([0x2f, 0xff]));
    expect(pathToBytes(new URL('file:///a%20b/%ff%25'))).toEqual(Buffer.from('/a b/\xff%', 'latin1'));
    expect(pathToBytes(new URL('file://localhost/é'))).toEqual(Buffer.from('/é'));
  });

  test('does not copy bytes', () => {
    const bytes = Buffer.from('/a');
    expect(pathToBytes(bytes)).toBe(bytes);
  });

  test.each<[string, unknown]>([
    ['an empty string', ''],
    ['no bytes', new Uint8Array()],
    ['a NUL byte', '/a\0b'],
    ['an encoded NUL byte', new URL('file:///a%00')],
    ['an encoded slash', new URL('file:///a%2fb')],
    ['a broken escape', new URL('file:///a%f')],
    ['a URL of another kind', new URL('https://example.org/a')],
    ['a URL of another host', new URL('file://example.org/a')],
    ['a lone surrogate', '/\ud800'],
    ['a number', 7],
    ['null', null],
    ['other numbers than bytes', new Uint16Array(2)],
  ])('refuses %s', (_, path) => {
    expect(() => pathToBytes(path as PathLike, 'upper')).toThrow(
      expect.objectContaining({ name: 'FormatError', code: 'ERR_OVERLAY_INVALID_PATH', option: 'upper' }),
    );
  });
});

test('bytesToPath gives strings for UTF-8 and bytes for the rest, and both lead back', () => {
  expect(bytesToPath(Buffer.from('/é'))).toBe('/é');
  expect(bytesToPath(Buffer.from([0xff]))).toEqual(Buffer.from([0xff]));
  fc.assert(fc.property(pathBytes, (bytes) => void expect(pathToBytes(bytesToPath(bytes))).toEqual(bytes)));
});
