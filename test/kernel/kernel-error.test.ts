// A failed call printed as the call, and the fields of Node's own system errors.
import { expect, test } from 'vitest';
import { errnoName } from '../../lib/kernel/errno.ts';
import { KernelError, printCall, STEP_BASE } from '../../lib/kernel/kernel-error.ts';

test.each([
  ['openat', 'ftuu', [-100, '/a b', 0, 0], 'openat(AT_FDCWD, "/a b", 0, 0)'],
  ['openat', 'ftuu', [7, Buffer.from('/x'), 0o10000000, 0o755], 'openat(7, "/x", 0x200000, 0x1ed)'],
  ['umount2', 'tu', ['/m', 2], 'umount2("/m", 2)'],
  ['mount', 'tttut', ['none', '/m', null, 4096, null], 'mount("none", "/m", NULL, 0x1000, NULL)'],
  [
    'fsconfig_set_string',
    'ftt',
    [5, 'lowerdir+', '/a'],
    'fsconfig(5, FSCONFIG_SET_STRING, "lowerdir+", "/a")',
  ],
  ['fsconfig_set_flag', 'ft', [5, 'ro'], 'fsconfig(5, FSCONFIG_SET_FLAG, "ro")'],
  ['fsconfig_set_fd', 'ftf', [5, 'upperdir', 8], 'fsconfig(5, FSCONFIG_SET_FD, "upperdir", 8)'],
  ['fsconfig_create', 'f', [5], 'fsconfig(5, FSCONFIG_CMD_CREATE)'],
  ['fsconfig_reconfigure', 'f', [5], 'fsconfig(5, FSCONFIG_CMD_RECONFIGURE)'],
  ['statmount', 'quu', [2147483649n, 64, 4096], 'statmount(0x80000001, 0x40, 0x1000)'],
  ['setxattr', 'ftbu', [3, 'user.x', Buffer.alloc(300), 0], 'setxattr(3, "user.x", <300 bytes>, 0)'],
] as const)('prints %s', (name, signature, args, text) => {
  expect(printCall(name, signature, args)).toBe(text);
});

test('names descriptors and bytes of earlier steps by what they stand for', () => {
  const names = ['overlay', '<"/a">'];
  expect(printCall('fsconfig_set_fd', 'ftf', [STEP_BASE, 'upperdir', STEP_BASE + 1], names)).toBe(
    'fsconfig(overlay, FSCONFIG_SET_FD, "upperdir", <"/a">)',
  );
  expect(printCall('require_subset', 'bb', [{ step: 0 }, Buffer.alloc(8)], names)).toBe(
    'require_subset(<result of overlay>, <8 bytes>)',
  );
  expect(printCall('fstatfs', 'f', [STEP_BASE + 9], names)).toBe('fstatfs(fd)');
});

test('has what a system error of Node has', () => {
  const failed = { errno: 2, syscall: 'openat', call: 'openat(AT_FDCWD, "/x", 0, 0)', log: '', step: 3 };
  const error = new KernelError(failed);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ ...failed, name: 'KernelError', errno: -2, code: 'ENOENT' });
  expect(error.message).toBe('openat(AT_FDCWD, "/x", 0, 0): ENOENT');
  expect(new KernelError({ ...failed, log: 'e overlay: no' }).message).toBe(
    'openat(AT_FDCWD, "/x", 0, 0): ENOENT (the kernel says: e overlay: no)',
  );
});

test.each([
  [1, 'EPERM'],
  [15, 'ENOTBLK'],
  [22, 'EINVAL'],
  [38, 'ENOSYS'],
  [116, 'ESTALE'],
  [117, 'EUCLEAN'],
  [122, 'EDQUOT'],
  [125, 'ECANCELED'],
  [999, 'errno 999'],
  [0, 'errno 0'],
])('knows the name of errno %i', (errno, name) => {
  expect(errnoName(errno)).toBe(name);
});
