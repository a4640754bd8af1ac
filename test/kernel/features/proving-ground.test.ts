// Where overlays are tried when the best place cannot be had.
import { expect } from 'vitest';
import { kernels } from '../../support/fake-errno.ts';
import { mountsBelow, mountsOutsideScratch } from '../../support/mounts.ts';
import { privileged } from '../../support/privilege.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { probeFaked } from './probe.ts';

for (const form of ['features', 'featuresSync'] as const) {
  privileged(`without fsopen it tries with mount(2), and leaves nothing (${form})`, async () => {
    const before = mountsOutsideScratch();
    const dir = scratchDirectory().path;
    const found = probeFaked(kernels.withoutNewMountApi, { dir, form });
    expect(found.overlay.available).toBe(true);
    expect(found.newMountApi).toEqual({
      available: false,
      reason: 'fsopen answers ENOSYS',
      remedy: 'Use Linux 5.2 or later.',
    });
    for (const name of ['detachedLayers', 'layerKeys', 'layerDescriptors', 'pathDescriptors'] as const)
      expect(found[name]).toMatchObject({ available: false, reason: expect.stringContaining('ENOSYS') });
    for (const name of [
      'metacopy',
      'redirectDir',
      'index',
      'nfsExport',
      'volatile',
      'xattrWhiteouts',
      'dataOnly',
    ] as const)
      expect([name, found[name].available]).toEqual([name, true]);
    expect(found.directory).toMatchObject({
      usableAsUpper: { available: true },
      usableAsLower: { available: true },
      stackDepth: { left: 2 },
    });
    const more = () => mountsOutsideScratch().filter((point) => !before.includes(point));
    await expect.poll(more).toEqual([]);
    expect(mountsBelow(dir)).toEqual([]);
  });
}

privileged('where detached layers are refused it tries on attached ones', () => {
  // The second creation is that of the first overlay; the first is that of the tmpfs it lies on.
  const found = probeFaked(['fsconfig@1:6#2=EINVAL']);
  expect(found.detachedLayers).toMatchObject({
    available: false,
    reason: expect.stringContaining('FSCONFIG_CMD_CREATE'),
    remedy: 'Use Linux 6.15 or later.',
  });
  expect(found).toMatchObject({
    overlay: { available: true },
    newMountApi: { available: true },
    layerKeys: { available: true },
    idmappedLowers: { available: true },
  });
});
