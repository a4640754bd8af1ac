// What the kernel can take, found by trying: this kernel everything, others as they are faked.
import { expect, test } from 'vitest';
import { probeMountApi } from '../../lib/kernel/mount-api.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { openDescriptors } from '../support/leaks.ts';
import { mountsOutsideScratch } from '../support/mounts.ts';
import { privileged } from '../support/privilege.ts';

privileged('this kernel has all of it, and asking leaves nothing', async () => {
  const [open, before] = [openDescriptors(), mountsOutsideScratch()];
  for (const api of [runSync(probeMountApi()), await runAsync(probeMountApi())]) {
    expect(api).toEqual({ lasting: true });
    expect(Object.keys(api)).toEqual(
      expect.arrayContaining(['fsopen', 'layerStrings', 'layerDescriptors', 'mountSetattr']),
    );
  }
  expect(openDescriptors()).toEqual(open);
  // What others have there is there for a moment only.
  const more = () => mountsOutsideScratch().filter((point) => !before.includes(point));
  await expect.poll(more).toEqual([]);
});

test('the answers have a sentence each where there is no right to ask', () => {
  if (process.geteuid!() === 0) return expect(runSync(probeMountApi()).fsopen).toBeUndefined();
  expect(runSync(probeMountApi())).toMatchObject({
    fsopen: expect.stringContaining('EPERM'),
    lasting: false,
  });
});
