// The numbers of ioctl(2) calls, against those that headers give.
import { expect, test } from 'vitest';
import { FS_IOC_FSGETXATTR } from '../../lib/kernel/constants.ts';
import { ioctlNumber } from '../../lib/kernel/ioctl-number.ts';

test('are those of the kernel headers', () => {
  expect(ioctlNumber('out', 0x58, 31, 28)).toBe(FS_IOC_FSGETXATTR);
  if (process.arch === 'ppc64') return;
  expect(ioctlNumber('out', 0x94, 60, 504)).toBe(0x81f8943c);
  expect(ioctlNumber('in', 0x94, 63, 4096)).toBe(0x5000943f);
  expect(ioctlNumber('both', 0x94, 20, 16)).toBe(0xc0109414);
  expect(ioctlNumber('none', 0x94, 8, 0)).toBe(0x9408);
});
