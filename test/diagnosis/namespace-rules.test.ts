// Each rule on facts made by hand: what it names, and what it leaves to others.
import { expect, test } from 'vitest';
import { isFiltered, type NamespaceFacts } from '../../lib/diagnosis/namespace-facts.ts';
import { findNamespaceCauses, NAMESPACE_RULES } from '../../lib/diagnosis/namespace-rules.ts';
import * as errnos from '../../lib/kernel/errno.ts';

const fine: NamespaceFacts = {
  uid: 1000,
  settings: { 'user.max_user_namespaces': 100, 'user.max_mnt_namespaces': 100 },
  proc: true,
  supported: true,
  dumpable: true,
  chrooted: false,
  filtered: false,
};
const { EPERM, EACCES, ENOSPC, EINVAL, ENOSYS, ENOENT, EAGAIN } = errnos;
const user = 'unshare(0x10000000)';
const mounts = 'unshare(0x20000)';

type Row = readonly [
  name: string,
  changes: Partial<NamespaceFacts>,
  call: string,
  errno: number,
  expected: readonly [code: string, words: RegExp][],
];

const rows: readonly Row[] = [
  ['nothing', {}, user, EPERM, []],
  [
    'user.max_user_namespaces=0',
    { settings: { 'user.max_user_namespaces': 0 } },
    user,
    ENOSPC,
    [['NAMESPACES_FORBIDDEN', /^user\.max_user_namespaces=0 forbids/]],
  ],
  [
    'user.max_mnt_namespaces=0',
    { settings: { 'user.max_mnt_namespaces': 0 } },
    mounts,
    ENOSPC,
    [['NAMESPACES_FORBIDDEN', /^user\.max_mnt_namespaces=0 forbids/]],
  ],
  [
    'unprivileged_userns_clone=0',
    { settings: { 'kernel.unprivileged_userns_clone': 0 } },
    user,
    EPERM,
    [['NAMESPACES_FORBIDDEN', /^kernel\.unprivileged_userns_clone=0 forbids/]],
  ],
  ['the same for root', { uid: 0, settings: { 'kernel.unprivileged_userns_clone': 0 } }, user, EPERM, []],
  [
    'AppArmor, at the maps',
    { settings: { 'kernel.apparmor_restrict_unprivileged_userns': 1 } },
    'write(4, <5 bytes>)',
    EPERM,
    [['NAMESPACES_FORBIDDEN', /^kernel\.apparmor_restrict_unprivileged_userns=1 forbids/]],
  ],
  [
    'AppArmor, at the mount',
    { settings: { 'kernel.apparmor_restrict_unprivileged_userns': 1 } },
    'fsopen("overlay", 1)',
    EACCES,
    [['NAMESPACES_FORBIDDEN', /apparmor/]],
  ],
  [
    'the user namespaces are used up',
    {},
    user,
    ENOSPC,
    [['NAMESPACE_LIMIT', /user\.max_user_namespaces=100 .*33 deep/]],
  ],
  [
    'the mount namespaces are used up',
    {},
    mounts,
    ENOSPC,
    [['NAMESPACE_LIMIT', /user\.max_mnt_namespaces=100 (?!.*deep)/]],
  ],
  ['a kernel without', { supported: false }, user, EINVAL, [['NAMESPACES_FORBIDDEN', /no user namespaces/]]],
  ['a chroot', { chrooted: true }, user, EPERM, [['NAMESPACES_FORBIDDEN', /chroot/]]],
  [
    'no /proc',
    { proc: false, supported: undefined, dumpable: undefined, filtered: undefined },
    'openat(AT_FDCWD, "/proc/self/setgroups", 1, 0)',
    ENOENT,
    [['NO_PROC', /\/proc is not mounted/]],
  ],
  [
    'not dumpable',
    { dumpable: false },
    'openat(AT_FDCWD, "/proc/self/uid_map", 1, 0)',
    EACCES,
    [['NOT_DUMPABLE', /PR_SET_DUMPABLE/]],
  ],
  [
    'a filter',
    { filtered: true },
    user,
    EPERM,
    [['NAMESPACES_FORBIDDEN', /^unshare\(0x10000000\) is refused.*seccomp/]],
  ],
  ['a filter that knows no call', { filtered: true }, user, ENOSYS, [['NAMESPACES_FORBIDDEN', /seccomp/]]],
  [
    'a setting and a filter',
    { filtered: true, settings: { 'user.max_user_namespaces': 0 } },
    user,
    EPERM,
    [
      ['NAMESPACES_FORBIDDEN', /max_user/],
      ['NAMESPACES_FORBIDDEN', /seccomp/],
    ],
  ],
  ['no process more', {}, 'clone', EAGAIN, [['NO_CHILD', /child/]]],
];

test.each(rows)('%s', (_, changes, call, errno, expected) => {
  const syscall = call.replace(/\(.*/s, '');
  const found = findNamespaceCauses({ ...fine, ...changes }, { errno: -errno, syscall, call });
  expect(found.map(({ code }) => code)).toEqual(expected.map(([code]) => `ERR_OVERLAY_${code}`));
  expected.forEach(([, words], i) => {
    expect(found[i]!.sentence).toMatch(words);
  });
  for (const { option, hint } of found) expect([option, hint.length > 10]).toEqual(['rootless', true]);
});

test('every code of the table has a row here', () => {
  const codes = new Set(
    rows.flatMap(([, , , , expected]) => expected.map(([code]) => `ERR_OVERLAY_${code}`)),
  );
  expect(codes).toEqual(new Set(NAMESPACE_RULES.map(({ code }) => code)));
});

test.each([
  ['Seccomp:\t2\n', true],
  ['Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n', false],
  ['Name:\tx\n', undefined],
])('%j tells of a filter: %s', (status, expected) => {
  expect(isFiltered(status)).toBe(expected);
});
