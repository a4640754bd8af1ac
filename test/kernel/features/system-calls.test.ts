// The younger system calls: there, missing, or forbidden.
import { expect, test } from 'vitest';
import { kernels } from '../../support/fake-errno.ts';
import { privileged } from '../../support/privilege.ts';
import { probeFaked } from './probe.ts';

test('without statmount and listmount it says so', () => {
  const { systemCalls } = probeFaked(kernels.withoutStatmount);
  for (const call of ['statmount', 'listmount'] as const)
    expect(systemCalls[call]).toEqual({
      available: false,
      reason: `${call} answers ENOSYS`,
      remedy: 'Use Linux 6.8 or later.',
    });
});

privileged('a seccomp filter that forbids mounts to root is suspected', () => {
  const found = probeFaked(['fsopen=EPERM', 'mount=EPERM']);
  expect(found.systemCalls.fsopen).toMatchObject({
    available: false,
    remedy: expect.stringContaining('seccomp'),
  });
  expect(found.metacopy).toMatchObject({ available: 'unknown', remedy: expect.stringContaining('seccomp') });
  expect(found.overlay.available).toBe(true);
});
