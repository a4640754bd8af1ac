// The structures by which subvolumes are made and destroyed.
import { expect, test } from 'vitest';
import {
  createArgs,
  decodeSubvolumeInfo,
  destroyArgs,
  snapshotArgs,
} from '../../../lib/format/btrfs/subvolume.ts';
import { Words } from '../../../lib/format/btrfs/words.ts';

test('have names, sources and flags where the kernel looks for them', () => {
  const made = new Words(createArgs('näme'));
  expect([made.bytes.length, made.u64(16), made.text(56).toString()]).toEqual([4096, 0n, 'näme']);
  const snapshot = new Words(snapshotArgs('s', 7, true));
  expect([snapshot.u64(0), snapshot.u64(16), snapshot.text(56).toString()]).toEqual([7n, 2n, 's']);
  expect(new Words(snapshotArgs('s', 7, false)).u64(16)).toBe(0n);
  const destroyed = new Words(destroyArgs(300n));
  expect([destroyed.u64(16), destroyed.u64(56)]).toEqual([16n, 300n]);
});
test('no name is cut', () => {
  expect(() => createArgs('x'.repeat(256))).toThrow(RangeError);
  expect(new Words(createArgs('x'.repeat(255))).text(56)).toHaveLength(255);
});
test('tell the id, the transactions and the read-only flag', () => {
  const info = new Words(504).set64(0, 256).set64(288, 1).set64(344, 12).set64(352, 10);
  expect(decodeSubvolumeInfo(info.bytes)).toEqual({ id: 256n, changed: 12n, made: 10n, readOnly: true });
});
