import { expect, test } from 'vitest';
import { matcherOf } from '../../lib/change/patterns.ts';

test.each([
  ['etc', 'etc', true],
  ['etc', 'etc/hosts', true],
  ['etc', 'etcetera', false],
  ['/etc/', 'etc/hosts', true],
  ['./etc', 'etc', true],
  ['*.conf', 'a.conf', true],
  ['*.conf', 'etc/a.conf', false],
  ['**/*.conf', 'a.conf', true],
  ['**/*.conf', 'etc/deep/a.conf', true],
  ['**/*.conf', 'etc/a_conf', false],
  ['etc/**', 'etc', false],
  ['etc/**', 'etc/a/b', true],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['a?c', 'aéc', true],
  ['[a-c]x', 'bx', true],
  ['[!a-c]x', 'bx', false],
  ['[!a-c]x', 'dx', true],
  ['a[!b]c', 'a/c', false],
  ['[]-]x', ']x', true],
  ['[]-]x', '-x', true],
  ['[^x]', '^', true],
  ['[\\]', '\\', true],
  ['a[b', 'a[b', true],
  ['\\*', '*', true],
  ['\\*', 'x', false],
  ['a.b+(c)|$^{1}', 'a.b+(c)|$^{1}', true],
  ['a\nb', 'a\nb', true],
  ['*', 'a\nb', true],
  ['.', 'anything/at/all', true],
])('%j means %j: %s', (pattern, path, means) => {
  expect(matcherOf([pattern])(path)).toBe(means);
});

test('bytes that are no UTF-8 are one character each; no patterns mean all', () => {
  expect(matcherOf(['a?b'])(Buffer.from([0x61, 0xff, 0x62]))).toBe(true);
  expect(matcherOf(undefined)('x')).toBe(true);
  expect(matcherOf([])('x')).toBe(false);
});
