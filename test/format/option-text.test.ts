import { describe, expect, test } from 'vitest';
import {
  joinLowerdir,
  joinOptionText,
  splitLowerdir,
  splitOptionText,
} from '../../lib/format/option-text.ts';
import type { Parameter } from '../../lib/format/options.ts';
import fc from '../support/fast-check.ts';
import { anyBytes, pathBytes } from './arbitrary.ts';

const words = (text: string): string[] =>
  splitOptionText(Buffer.from(text, 'latin1')).map(({ key, value }) =>
    value === undefined ? key : `${key}|${Buffer.from(value).toString('latin1')}`,
  );

describe('splitOptionText', () => {
  test('splits at commas and at the first equals sign', () => {
    expect(words('ro,upperdir=/u=v,volatile')).toEqual(['ro', 'upperdir|/u=v', 'volatile']);
  });

  test('skips empty words, as the kernel does', () => {
    expect(words(',,ro,,=x,,')).toEqual(['ro']);
    expect(words('')).toEqual([]);
  });

  test('tells an empty value from none', () => {
    expect(words('a=,b')).toEqual(['a|', 'b']);
  });

  test('keeps backslashes, and does not split at an escaped comma', () => {
    expect(words('lowerdir=/a\\,b\\:c:/d\\\\,ro')).toEqual(['lowerdir|/a\\,b\\:c:/d\\\\', 'ro']);
  });

  test('keeps the bytes of values', () => {
    expect(words('upperdir=/\xff\n"')).toEqual(['upperdir|/\xff\n"']);
  });

  test('takes the quotes off a security label, and off nothing else', () => {
    expect(words('context="u:r:t:c1,c2",ro')).toEqual(['context|u:r:t:c1,c2', 'ro']);
    expect(words('upperdir="/a,b"')).toEqual(['upperdir|"/a', 'b"']);
    expect(words('context="a,b')).toEqual(['context|"a', 'b']);
  });

  test('reads any bytes without throwing', () => {
    fc.assert(fc.property(anyBytes, (text) => void splitOptionText(text)));
  });
});

describe('joinOptionText', () => {
  test('writes what splitOptionText reads', () => {
    const key = fc.stringMatching(/^[a-z][a-z+_.]{0,8}$/);
    const word = fc.oneof(
      key.map((key): Parameter => ({ key })),
      fc.record({ key: fc.oneof(key, fc.constant('context')), value: anyBytes }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (parameters) => {
        let text: Buffer;
        try {
          text = joinOptionText(parameters);
        } catch {
          return; // refused rather than written wrongly
        }
        expect(splitOptionText(text)).toEqual(parameters);
      }),
    );
  });

  test.each<[string, Parameter]>([
    ['a comma in a value', { key: 'future', value: 'a,b' }],
    ['a lone backslash at the end', { key: 'future', value: 'a\\' }],
    ['a NUL byte', { key: 'future', value: 'a\0' }],
    ['an empty key', { key: '', value: 'a' }],
    ['an equals sign in a key', { key: 'a=b', value: 'c' }],
    ['a comma in a word', { key: 'a,b' }],
  ])('refuses %s', (_, parameter) => {
    expect(() => joinOptionText([parameter])).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_OPTION_VALUE', option: parameter.key }),
    );
  });

  test('quotes a security label with commas', () => {
    expect(joinOptionText([{ key: 'context', value: 'a,b' }]).toString()).toBe('context="a,b"');
  });
});

const split = (text: string): unknown => {
  const { lower, data } = splitLowerdir(Buffer.from(text));
  return [lower.map(String), data.map(String)];
};

describe('splitLowerdir', () => {
  test.each([
    ['/a', ['/a'], []],
    ['/a:/b:/c', ['/a', '/b', '/c'], []],
    ['/a::/d', ['/a'], ['/d']],
    ['/a:/b::/d::/e', ['/a', '/b'], ['/d', '/e']],
    ['/a\\:b:/c\\\\:/d\\,e', ['/a:b', '/c\\', '/d,e'], []],
    ['\\:a', [':a'], []],
    ['/a\\::/b', ['/a:', '/b'], []],
  ])('reads %s', (text, lower, data) => {
    expect(split(text)).toEqual([lower, data]);
  });

  test.each(['', ':/a', '::/a', '/a:', '/a::', '/a:::/b', '/a::::/b', '/a::/d:/b', '/a\\', '/a::/d:'])(
    'refuses %j',
    (text) => {
      expect(() => split(text)).toThrow(
        expect.objectContaining({
          code: 'ERR_OVERLAY_OPTION_TEXT',
          option: 'lower',
          hint: expect.any(String),
        }),
      );
    },
  );
});

describe('joinLowerdir', () => {
  test('is the inverse of splitLowerdir, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(pathBytes, { minLength: 1 }), fc.array(pathBytes), (lower, data) => {
        expect(splitLowerdir(joinLowerdir(lower, data))).toEqual({ lower, data });
      }),
    );
  });

  test('refuses what the kernel would: nothing, only data, an empty path', () => {
    const refused = expect.objectContaining({ code: 'ERR_OVERLAY_OPTION_VALUE' });
    expect(() => joinLowerdir([])).toThrow(refused);
    expect(() => joinLowerdir([], [Buffer.from('/d')])).toThrow(refused);
    expect(() => joinLowerdir([Buffer.alloc(0)])).toThrow(refused);
  });
});
