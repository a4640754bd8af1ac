// Whether a user namespace can be had, judged from what unshare(1) did and from the settings.
import { expect, test } from 'vitest';
import { judge } from '../../../lib/kernel/features/user-namespace.ts';
import { kernels } from '../../support/fake-errno.ts';
import { probeFaked } from './probe.ts';

test('a success is believed whatever the settings say', () => {
  const settings = { 'kernel.apparmor_restrict_unprivileged_userns': 1 };
  expect(judge({}, settings, 1000)).toMatchObject({ available: true, settings });
});

test('a failure is blamed on the setting that forbids', () => {
  const settings = { 'user.max_user_namespaces': 0 };
  expect(judge({ failed: 'unshare: No space left on device' }, settings, 0)).toEqual({
    available: false,
    reason: expect.stringContaining('No space left on device; user.max_user_namespaces=0'),
    remedy: expect.stringContaining('sysctl user.max_user_namespaces='),
    forbiddenBy: 'user.max_user_namespaces=0',
    settings,
  });
});

test('without the program a forbidding setting still answers', () => {
  expect(judge({ missing: true }, { 'user.max_user_namespaces': 0 }, 0).available).toBe(false);
  expect(judge({ missing: true }, {}, 0).available).toBe('unknown');
});

test('a system that forbids user namespaces is quoted', () => {
  const found = probeFaked(kernels.withoutUserNamespaces);
  expect(found.userNamespaces).toMatchObject({
    available: false,
    reason: expect.stringContaining('Operation not permitted'),
    remedy: expect.stringContaining('seccomp'),
  });
  expect(found.idmappedLowers.available).not.toBe(true);
});

test('without unshare(1) user namespaces are unknown', () => {
  const found = probeFaked([], { env: { PATH: '/nonexistent' } });
  expect(found.userNamespaces).toMatchObject({ available: 'unknown', remedy: 'Install util-linux.' });
});
