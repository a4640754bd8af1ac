import { describe, expect, test } from 'vitest';
import {
  ATTRIBUTE_WORDS,
  attributesToFsmountBits,
  attributesToMsFlags,
  attributesToWords,
  checkAttributes,
  fsmountBitsToAttributes,
  MOUNT_ATTRIBUTES,
  PROPAGATION_FLAGS,
  PROPAGATION_WORDS,
  shownWordsToAttributes,
  wordsToAttributes,
} from '../../lib/format/attributes.ts';
import fc from '../support/fast-check.ts';
import { attributes as anyAttributes } from './arbitrary.ts';

test('the bits are those of linux/mount.h', () => {
  const bits = (name: string): number[] => {
    const row = MOUNT_ATTRIBUTES.find((row) => row.name === name)!;
    return [row.fsmountBit, row.msFlag];
  };
  expect(bits('readOnly')).toEqual([0x1, 0x1]);
  expect(bits('noatime')).toEqual([0x10, 0x400]);
  expect(bits('relatime')).toEqual([0, 0x200000]);
  expect(bits('strictatime')).toEqual([0x20, 0x1000000]);
  expect(bits('nodiratime')).toEqual([0x80, 0x800]);
  expect(bits('nosymfollow')).toEqual([0x200000, 0x100]);
  expect(PROPAGATION_FLAGS).toEqual({
    private: 0x40000,
    slave: 0x80000,
    shared: 0x100000,
    unbindable: 0x20000,
  });
});

test('every attribute and every word is met by the table walk', () => {
  for (const row of MOUNT_ATTRIBUTES) {
    expect(attributesToFsmountBits({ [row.name]: true })).toBe(row.fsmountBit);
    expect(attributesToMsFlags({ [row.name]: true })).toBe(row.msFlag);
    expect(attributesToFsmountBits({ [row.name]: false })).toBe(0);
    expect(wordsToAttributes([row.word])).toEqual({ [row.name]: true });
    expect(wordsToAttributes([row.off])).toEqual({ [row.name]: false });
    expect(checkAttributes({ [row.name]: true })).toBeUndefined();
  }
  expect(ATTRIBUTE_WORDS.size).toBe(2 * MOUNT_ATTRIBUTES.length);
  expect(PROPAGATION_WORDS.get('rslave')).toBe('slave');
});

describe('words', () => {
  test('later ones win', () => {
    expect(wordsToAttributes(['ro', 'rw'])).toEqual({ readOnly: false });
    expect(wordsToAttributes(['noatime', 'relatime'])).toEqual({ relatime: true });
    expect(wordsToAttributes(['strictatime', 'noatime', 'atime'])).toEqual({ noatime: false });
  });

  test('that are no attributes are skipped', () => {
    expect(wordsToAttributes(['defaults', 'nosuid', 'x-y', 'toString'])).toEqual({ nosuid: true });
  });

  test('come back', () => {
    fc.assert(
      fc.property(anyAttributes, (a) => void expect(wordsToAttributes(attributesToWords(a))).toEqual(a)),
    );
  });
});

// Recorded on Linux 6.18: fsmount(2) with these bits, and what mountinfo then shows.
test.each([
  [0x0, 'rw,relatime', { relatime: true }],
  [0x1, 'ro,relatime', { readOnly: true, relatime: true }],
  [0x10, 'rw,noatime', { noatime: true }],
  [0x20, 'rw', { strictatime: true }],
  [0x80, 'rw,nodiratime,relatime', { nodiratime: true, relatime: true }],
  [
    0x20009e,
    'rw,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow',
    { nosuid: true, nodev: true, noexec: true, noatime: true, nodiratime: true, nosymfollow: true },
  ],
])('statmount and mountinfo say the same of bits %i', (bits, shown, attributes) => {
  expect(fsmountBitsToAttributes(bits)).toEqual(attributes);
  expect(shownWordsToAttributes(shown.split(','))).toEqual(attributes);
  expect(attributesToFsmountBits(attributes)).toBe(bits);
});

describe('checkAttributes', () => {
  test.each([
    [{ noatme: true }, 'unknown', 'noatme', 'did you mean noatime?'],
    [{ ro: true }, 'unknown', 'ro', 'write readOnly: true'],
    [{ suid: true }, 'unknown', 'suid', 'write nosuid: false'],
    [{ readonly: true }, 'unknown', 'readonly', 'did you mean readOnly?'],
    [{ nosuid: 'yes' }, 'type', 'nosuid', 'write nosuid: true'],
    [{ noatime: true, strictatime: true }, 'conflict', 'strictatime', 'choose one way to keep access times'],
  ])('refuses %o', (attributes, kind, option, hint) => {
    expect(checkAttributes(attributes)).toMatchObject({ kind, option, hint });
  });

  test('refuses what is no object', () => {
    for (const wrong of [null, undefined, 'ro', ['ro'], 1]) {
      expect(checkAttributes(wrong)).toMatchObject({ kind: 'type', option: 'attributes' });
    }
  });

  test('lets false and undefined stand beside an access-time mode', () => {
    expect(checkAttributes({ noatime: false, relatime: true, strictatime: undefined })).toBeUndefined();
    fc.assert(fc.property(anyAttributes, (a) => void expect(checkAttributes(a)).toBeUndefined()));
  });
});
