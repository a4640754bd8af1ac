// The overlay driver: listed, or missing and with it everything else.
import { expect, test } from 'vitest';
import { listsOverlay } from '../../../lib/kernel/features/driver.ts';
import { optionNames } from '../../../lib/kernel/features/options.ts';
import { kernels } from '../../support/fake-errno.ts';
import { privileged } from '../../support/privilege.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { probeFaked } from './probe.ts';

test('finds overlay in /proc/filesystems by its whole name', () => {
  expect(listsOverlay('nodev\ttmpfs\nnodev\toverlay\n\text4\n')).toBe(true);
  expect(listsOverlay('nodev\toverlayfs2\n')).toBe(false);
});

privileged('without the driver every overlay feature is missing, and for one reason', () => {
  const found = probeFaked(kernels.withoutOverlay, { dir: scratchDirectory().path });
  expect(found.overlay).toMatchObject({
    available: false,
    reason: expect.stringContaining('ENODEV'),
    remedy: expect.stringContaining('modprobe overlay'),
  });
  for (const name of optionNames) expect([name, found[name].available]).toEqual([name, false]);
  expect(found.directory).toMatchObject({
    dType: { available: true },
    usableAsUpper: { available: false },
    stackDepth: { left: 'unknown' },
  });
});
