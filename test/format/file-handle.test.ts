// File handles in origin, upper and index names: read, written, and refused as the kernel does.

import { expect, test } from 'vitest';
import {
  decodeFileHandle,
  encodeFileHandle,
  type FileHandle,
  indexName,
  parseIndexName,
} from '../../lib/format/file-handle.ts';
import fc from '../support/fast-check.ts';

const handle: fc.Arbitrary<FileHandle> = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  handle: fc.uint8Array({ maxLength: 128 }).map((bytes) => Buffer.from(bytes)),
  order: fc.constantFrom('little' as const, 'big' as const, 'any' as const),
  upper: fc.boolean(),
});

test('what is written is read, as an attribute and as a name of the index', () => {
  fc.assert(
    fc.property(handle, (handle) => {
      expect(decodeFileHandle(encodeFileHandle(handle))).toEqual(handle);
      expect(parseIndexName(indexName(handle))).toEqual(handle);
    }),
  );
});

test('empty, later versions and flags that are not known mean: of unknown origin', () => {
  expect(decodeFileHandle(Buffer.alloc(0))).toBe('unknown');
  const valid = Buffer.concat([Buffer.from([0, 0xfb, 21, 0, 1]), Buffer.alloc(16)]);
  expect(decodeFileHandle(valid)).toMatchObject({ type: 1 });
  expect(decodeFileHandle(valid.with(0, 1))).toBe('unknown');
  expect(decodeFileHandle(valid.with(3, 8))).toBe('unknown');
});

test('too short, another magic or a length beyond the end is none', () => {
  const valid = Buffer.concat([Buffer.from([0, 0xfb, 21, 0, 1]), Buffer.alloc(16)]);
  for (const bad of [valid.subarray(0, 20), valid.with(1, 0xfc), valid.with(2, 22), valid.with(2, 20)])
    expect(decodeFileHandle(bad)).toBeUndefined();
  for (const name of ['', '00', '#1', 'zz', '00FB', 'work']) expect(parseIndexName(name)).toBeUndefined();
});

test('no bytes make it throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decodeFileHandle(bytes)));
});
