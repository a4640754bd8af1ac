// The structures of project quotas, against the layout of the kernel's headers.
import { expect, test } from 'vitest';
import { encodeLimits, isUnusedProject, projectIn, withProject } from '../../lib/format/project-quota.ts';

const words = (bytes: Buffer) =>
  Array.from({ length: 9 }, (_, i) => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(i * 8, true));

test.skipIf(process.arch === 's390x')(
  'limits are hard, in blocks of 1 KiB rounded up, and both are valid',
  () => {
    expect(words(encodeLimits({ bytes: 4097, inodes: 7 }))).toEqual([5n, 0n, 0n, 7n, 0n, 0n, 0n, 0n, 5n]);
    expect(words(encodeLimits({}))).toEqual([0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 5n]);
  },
);
test('a project is set, is inherited, and leaves the other flags', () => {
  const before = Buffer.alloc(28);
  before.writeUInt32LE(0x10, 0);
  const after = withProject(before, 0x1234_5678);
  expect(projectIn(after)).toBe(0x1234_5678);
  expect(projectIn(before)).toBe(0);
  if (process.arch !== 's390x') expect(after.readUInt32LE(0)).toBe(0x210);
});
test('a project with limits or files is in use', () => {
  expect(isUnusedProject(encodeLimits({}))).toBe(true);
  for (const limits of [{ bytes: 1 }, { inodes: 1 }])
    expect(isUnusedProject(encodeLimits(limits))).toBe(false);
  for (const used of [16, 40]) {
    const dqblk = Buffer.alloc(72);
    dqblk[used] = 1;
    expect(isUnusedProject(dqblk)).toBe(false);
  }
});
