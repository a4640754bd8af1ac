// Idmapped lowers, on a kernel that cannot make any.
import { expect } from 'vitest';
import { kernels } from '../../support/fake-errno.ts';
import { privileged } from '../../support/privilege.ts';
import { probeFaked } from './probe.ts';

privileged('without mount_setattr there are no idmapped lowers', () => {
  const found = probeFaked(kernels.withoutMountSetattr);
  expect(found.idmappedLowers).toMatchObject({
    available: false,
    reason: expect.stringMatching(/^mount_setattr\(.*: ENOSYS$/),
  });
  expect(found.newMountApi.available).toBe(true);
});
