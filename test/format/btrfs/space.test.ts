// What btrfs says of its room, decoded from the kernel's structures.
import { expect, test } from 'vitest';
import {
  decodeSlotCount,
  decodeSpaces,
  decodeUnallocated,
  encodeSpaceRequest,
} from '../../../lib/format/btrfs/space.ts';
import { Words } from '../../../lib/format/btrfs/words.ts';

function answer(...slots: readonly (readonly [flags: bigint, total: number, used: number])[]): Buffer {
  const words = new Words(16 + 24 * slots.length).set64(0, slots.length).set64(8, slots.length);
  slots.forEach(([flags, total, used], i) => {
    words
      .set64(16 + 24 * i, flags)
      .set64(24 + 24 * i, total)
      .set64(32 + 24 * i, used);
  });
  return words.bytes;
}

test('adds up data, metadata and system, and keeps the reserve apart', () => {
  const bytes = answer(
    [1n, 800, 600],
    [1n, 8, 0],
    [2n | 32n, 80, 16],
    [4n | 32n, 500, 300],
    [1n << 49n, 55, 0],
  );
  expect(decodeSlotCount(bytes)).toBe(5);
  expect(decodeSpaces(bytes)).toEqual({
    data: { allocated: 808, used: 600, copies: 1 },
    system: { allocated: 80, used: 16, copies: 2 },
    metadata: { allocated: 500, used: 300, copies: 2 },
    reserve: 55,
  });
});
test('knows how often each profile keeps what it has', () => {
  const copies = (flags: bigint) => decodeSpaces(answer([4n | flags, 1, 1])).metadata.copies;
  expect([0n, 1n << 3n, 1n << 4n, 1n << 5n, 1n << 6n, 1n << 9n, 1n << 10n].map(copies)).toEqual([
    1, 1, 2, 2, 2, 3, 4,
  ]);
});
test('counts mixed block groups once, as metadata', () => {
  expect(decodeSpaces(answer([5n, 100, 40]))).toMatchObject({
    data: { allocated: 0 },
    metadata: { allocated: 100, used: 40 },
  });
});
test('asks for slots, and reads what a device has left', () => {
  expect(encodeSpaceRequest(3)).toHaveLength(16 + 72);
  expect(decodeUnallocated(new Words(4096).set64(24, 300).set64(32, 1000).bytes)).toBe(700);
});
