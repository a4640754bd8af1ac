// What the probe says to those who are not root: nothing is thrown, and every no has its why.
import { expect, test } from 'vitest';
import { which } from '../../support/command.ts';
import { kernels } from '../../support/fake-errno.ts';
import { skip } from '../../support/requirement.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { probeAsNobody, probeUnder } from './probe.ts';

for (const form of ['features', 'featuresSync'] as const) {
  test(`an ordinary user hears what they cannot have and why (${form})`, () => {
    const found = probeAsNobody({ dir: '/tmp', form });
    expect(found.caller).toMatchObject({ capSysAdmin: false });
    expect(found.caller.uid).not.toBe(0);
    expect(found.systemCalls.fsopen).toMatchObject({
      available: false,
      reason: expect.stringContaining('CAP_SYS_ADMIN'),
    });
    expect(found.metacopy.available).not.toBe(true);
    expect(found.metacopy.reason).toContain('fsopen("tmpfs"');
    expect(found.directory).toMatchObject({
      writable: { available: true },
      trustedXattr: { available: false, reason: expect.stringContaining('EPERM') },
    });
    expect(found.directory!.usableAsUpper.available).not.toBe(true);
  });
}

test('an ordinary user without user namespaces hears no, not unknown', () => {
  const found = probeAsNobody({ rules: kernels.withoutUserNamespaces });
  expect(found.userNamespaces.available).toBe(false);
  expect(found.metacopy).toMatchObject({
    available: false,
    reason: expect.stringContaining('no user namespace can be made'),
    remedy: found.userNamespaces.remedy,
  });
});

test('in a user namespace everything is tried, and trusted attributes are what is missing', () => {
  if (which('unshare') === undefined) skip('there is no unshare(1)');
  const under = ['unshare', '--user', '--map-root-user', '--mount'];
  const found = probeUnder(under, { dir: scratchDirectory().path });
  if (found.overlay.available !== true) skip('this kernel mounts no overlay in a user namespace');
  expect(found.caller).toMatchObject({ uid: 0, capSysAdmin: true, initialUserNamespace: false });
  expect(found.userxattr.available).toBe(true);
  expect(found.metacopy).toMatchObject({ available: false, reason: expect.stringContaining('EPERM') });
  expect(found.redirectDir.available).toBe(false);
  expect(found.directory).toMatchObject({
    trustedXattr: { available: false },
    userXattr: { available: true },
    usableAsUpper: { available: true },
  });
});
