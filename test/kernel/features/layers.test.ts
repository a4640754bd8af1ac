// The forms in which layers are taken, on kernels that lack some of them.
import { expect } from 'vitest';
import { kernels } from '../../support/fake-errno.ts';
import { privileged } from '../../support/privilege.ts';
import { probeFaked } from './probe.ts';

privileged('without lowerdir+ it says so, and nothing else is missing', () => {
  const found = probeFaked(kernels.withoutLayerKeys);
  expect(found.layerKeys).toMatchObject({ available: false, remedy: 'Use Linux 6.8 or later.' });
  expect(found.metacopy.available).toBe(true);
});

privileged('without layer descriptors it says so, and nothing else is missing', () => {
  const found = probeFaked(kernels.withoutLayerDescriptors);
  expect(found).toMatchObject({
    layerKeys: { available: true },
    layerDescriptors: { available: false, remedy: 'Use Linux 6.13 or later.' },
    pathDescriptors: { available: false, remedy: 'Use Linux 6.15 or later.' },
    detachedLayers: { available: true },
  });
});
