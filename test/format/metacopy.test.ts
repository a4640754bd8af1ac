// metacopy: empty, with a digest, and broken.

import { expect, test } from 'vitest';
import { decodeMetacopy, encodeMetacopy } from '../../lib/format/metacopy.ts';
import fc from '../support/fast-check.ts';

test('empty means: no digest', () => {
  expect(decodeMetacopy(Buffer.alloc(0))).toMatchObject({
    algorithm: 'none',
    digest: Buffer.alloc(0),
    sound: true,
  });
});

test('a digest with its algorithm', () => {
  const digest = Buffer.alloc(32, 7);
  const value = Buffer.concat([Buffer.from([0, 36, 0, 1]), digest]);
  expect(decodeMetacopy(value)).toEqual({ version: 0, flags: 0, algorithm: 'sha256', digest, sound: true });
});

test('too short is refused; a wrong length or a later version is no sound digest', () => {
  expect(decodeMetacopy(Buffer.from([0, 3, 0]))).toBeUndefined();
  expect(decodeMetacopy(Buffer.from([0, 9, 0, 1, 1]))?.sound).toBe(false);
  expect(decodeMetacopy(Buffer.from([1, 4, 0, 0]))?.sound).toBe(false);
  expect(decodeMetacopy(Buffer.from([0, 69, 0, 2, ...Buffer.alloc(65)]))?.sound).toBe(false);
});

test('a sound value is written as it was read, any other never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const read = decodeMetacopy(bytes);
      if (read?.sound !== true) return;
      expect(decodeMetacopy(encodeMetacopy(read))).toEqual(read);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 255 }), (digest, algorithm) => {
      const value = Buffer.from([0, 4 + digest.length, 0, algorithm, ...digest]);
      expect(encodeMetacopy(decodeMetacopy(value)!)).toEqual(value);
    }),
  );
});
