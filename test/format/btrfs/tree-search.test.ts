// Searches in btrfs's trees as they are asked for, and the items as they lie on the disk.
import { expect, test } from 'vitest';
import {
  after,
  decodeFileExtent,
  decodeItems,
  decodeQgroupInfo,
  decodeQgroupStatus,
  decodeRootRef,
  encodeSearch,
  range,
  SEARCH_ARGS_SIZE,
} from '../../../lib/format/btrfs/tree-search.ts';
import { Words } from '../../../lib/format/btrfs/words.ts';

const MOST = (1n << 64n) - 1n;

test('asks for a range of keys, and since when', () => {
  const words = new Words(encodeSearch(range(1n, 156, 5n, 7n, 99n), 1024));
  expect(words.bytes).toHaveLength(SEARCH_ARGS_SIZE + 1024);
  expect([0, 8, 16, 24, 32, 40, 48, 104].map((at) => words.u64(at))).toEqual([
    1n,
    5n,
    7n,
    0n,
    MOST,
    99n,
    MOST,
    1024n,
  ]);
  expect([56, 60].map((at) => words.u32(at))).toEqual([156, 156]);
});
test('reads the items of an answer', () => {
  const words = new Words(SEARCH_ARGS_SIZE + 100).set32(64, 2);
  words.set64(112, 1).set64(120, 256).set64(128, 0).set32(136, 1).set32(140, 3);
  words.bytes.write('abc', 144);
  words.set64(147, 1).set64(155, 257).set64(163, 9).set32(171, 108).set32(175, 1);
  words.bytes.write('z', 179);
  expect(decodeItems(words.bytes)).toEqual([
    { objectid: 256n, offset: 0n, type: 1, data: Buffer.from('abc') },
    { objectid: 257n, offset: 9n, type: 108, data: Buffer.from('z') },
  ]);
});
test('goes on behind the last key', () => {
  expect(after({ objectid: 1n, type: 2, offset: 3n })).toEqual({ objectid: 1n, type: 2, offset: 4n });
  expect(after({ objectid: 1n, type: 2, offset: MOST })).toEqual({ objectid: 1n, type: 3, offset: 0n });
  expect(after({ objectid: 1n, type: 255, offset: MOST })).toEqual({ objectid: 2n, type: 0, offset: 0n });
  expect(after({ objectid: MOST, type: 255, offset: MOST })).toBeUndefined();
});
test('reads extents: on the disk, in the tree, and holes', () => {
  const extent = Buffer.alloc(53);
  extent.writeBigUInt64LE(7n, 0);
  extent[20] = 1;
  expect(decodeFileExtent(extent)).toBeUndefined();
  extent.writeBigUInt64LE(4096n, 21);
  extent.writeBigUInt64LE(8192n, 29);
  expect(decodeFileExtent(extent)).toEqual({ made: 7n, at: 4096n, bytes: 8192 });
  expect(decodeFileExtent(Buffer.alloc(26))).toEqual({ made: 0n, at: undefined, bytes: 5 });
});
test('reads references and quotas', () => {
  const ref = Buffer.alloc(22);
  ref.writeBigUInt64LE(300n, 0);
  ref.writeUInt16LE(4, 16);
  ref.write('name', 18);
  expect(decodeRootRef(ref)).toEqual({ directory: 300n, name: Buffer.from('name') });
  const info = Buffer.alloc(40);
  info.writeBigUInt64LE(11n, 8);
  info.writeBigUInt64LE(22n, 24);
  expect(decodeQgroupInfo(info)).toEqual({ referenced: 11, exclusive: 22 });
  const status = (flags: bigint) => {
    const item = Buffer.alloc(32);
    item.writeBigUInt64LE(flags, 16);
    return decodeQgroupStatus(item);
  };
  expect([0n, 1n, 1n | 8n, 1n | 2n, 1n | 4n].map(status)).toEqual([false, true, true, false, false]);
});
