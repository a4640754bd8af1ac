// Words of structures in the host's byte order.
import { expect, test } from 'vitest';
import { Words } from '../../../lib/format/btrfs/words.ts';

test('come back as they were set, at any offset', () => {
  const words = new Words(32)
    .set64(3, (1n << 64n) - 1n)
    .set32(11, 0xdead_beef)
    .set64(16, -1);
  expect([words.u64(3), words.u32(11), words.u64(16)]).toEqual([
    (1n << 64n) - 1n,
    0xdead_beef,
    (1n << 64n) - 1n,
  ]);
});
test('are those of the buffer that was given, wherever it lies', () => {
  const whole = Buffer.from('..name\0..');
  expect(new Words(whole.subarray(2)).text(0).toString()).toBe('name');
});
