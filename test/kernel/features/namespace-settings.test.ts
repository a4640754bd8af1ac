// Which setting forbids user namespaces, and to whom.
import { expect, test } from 'vitest';
import { forbiddingSetting } from '../../../lib/kernel/features/namespace-settings.ts';

test('the first setting that forbids is named, to those whom it concerns', () => {
  expect(forbiddingSetting({ 'user.max_user_namespaces': 0 }, 0)?.setting).toBe('user.max_user_namespaces=0');
  const debian = { 'user.max_user_namespaces': 100, 'kernel.unprivileged_userns_clone': 0 };
  expect(forbiddingSetting(debian, 1000)).toMatchObject({ setting: 'kernel.unprivileged_userns_clone=0' });
  expect(forbiddingSetting(debian, 0)).toBeUndefined();
  const ubuntu = { 'kernel.apparmor_restrict_unprivileged_userns': 1 };
  expect(forbiddingSetting(ubuntu, 1000)?.remedy).toContain('AppArmor');
  expect(forbiddingSetting({}, 1000)).toBeUndefined();
});
