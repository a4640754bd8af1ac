// The inode in an origin: of each filesystem's form, of either byte order, and of bytes that are none.

import { expect, test } from 'vitest';
import { decodeOrigin } from '../../lib/format/origin.ts';
import fc from '../support/fast-check.ts';

function handle(type: number, ...words: number[]): Buffer {
  const fid = Buffer.from(Uint32Array.from(words).buffer);
  return Buffer.concat([Buffer.from([0, 0xfb, 21 + fid.length, 0, type]), Buffer.alloc(16), fid]);
}

test.each([
  ['ext4', handle(1, 77, 9), 77n],
  ['tmpfs', handle(1, 9, 77, 1), 77n | (1n << 32n)],
  ['xfs', handle(0x81, 77, 0, 9), 77n],
  ['btrfs', handle(0x4d, 256, 0, 5, 0, 9), 256n],
  ['a form of its own', handle(0x70, 1, 2, 3), undefined],
])('reads the inode of a handle of %s', (_, value, inode) => {
  expect(decodeOrigin(value)).toEqual({ inode });
});

test('reads a handle that a machine of the other byte order wrote', () => {
  const value = handle(1, 77, 9);
  value[3] = 1;
  value.writeUInt32BE(77, 21);
  expect(decodeOrigin(value)).toEqual({ inode: 77n });
});

test.each([
  ['an empty value', Buffer.alloc(0)],
  ['another magic', Buffer.alloc(40)],
  ['a length below its head', handle(1, 77, 9).fill(5, 2, 3)],
  ['a length beyond its end', handle(1, 77, 9).subarray(0, 25)],
])('takes %s for no origin', (_, value) => {
  expect(decodeOrigin(value)).toBeUndefined();
});

test('no bytes make it throw', () => {
  const heads = fc.tuple(
    ...[fc.constantFrom(0, 1), fc.constant(0xfb), fc.nat(60), fc.constantFrom(0, 1, 2, 4, 8), fc.nat(255)],
  );
  const likely = fc
    .tuple(heads, fc.uint8Array({ maxLength: 50 }))
    .map(([head, rest]) => Buffer.from([...head, ...rest]));
  fc.assert(
    fc.property(fc.oneof(likely, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      const inode = decodeOrigin(bytes)?.inode;
      expect(inode === undefined || inode >= 0n).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
