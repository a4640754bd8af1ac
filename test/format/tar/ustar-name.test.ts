import { describe, expect, test } from 'vitest';
import { extendedHeaderName, splitName } from '../../../lib/format/tar/ustar-name.ts';

const of = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('a long name', () => {
  const split = (text: string) => {
    const parts = splitName(of(text));
    return parts && [parts.prefix.length, parts.name.length];
  };
  test('is split at the last slash that leaves room on both sides', () => {
    expect(split(`${'a'.repeat(50)}/${'b'.repeat(60)}`)).toEqual([50, 60]);
    expect(split(`${'a'.repeat(155)}/${'b'.repeat(100)}`)).toEqual([155, 100]);
    expect(split(`${'a'.repeat(60)}/${'b'.repeat(60)}/`)).toEqual([60, 61]);
    expect(split(`a/${'b/'.repeat(100)}c`)).toEqual([155, 47]);
  });
  test('is not split when it is short, not ASCII, or has no fitting slash', () => {
    expect(split('a/b')).toBeUndefined();
    expect(split(`\xe9/${'b'.repeat(100)}`)).toBeUndefined();
    expect(split('a'.repeat(101))).toBeUndefined();
    expect(split(`/${'a'.repeat(100)}`)).toBeUndefined();
    expect(split(`${'a'.repeat(156)}/b`)).toBeUndefined();
    expect(split(`a/${'b'.repeat(101)}`)).toBeUndefined();
  });
});

test.each([
  ['f', 'PaxHeaders.0/f'],
  ['a/b/f', 'a/b/PaxHeaders.0/f'],
  ['a/b/', 'a/b/PaxHeaders.0'],
  ['./a//f', 'a/PaxHeaders.0/f'],
  ['/f', '/PaxHeaders.0/f'],
  ['..', '.'],
  ['../f', '../PaxHeaders.0/f'],
  ['/../f', '/PaxHeaders.0/f'],
  ['\xe9\xfff', 'PaxHeaders.0/f'],
  [`${'d'.repeat(99)}/f`, 'd'.repeat(99)],
])('the extended header of %j is named %j', (name, expected) => {
  expect(extendedHeaderName(of(name)).toString('latin1')).toBe(expected);
});
