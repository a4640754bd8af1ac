// Options that the kernel drops in silence are noticed, and the mount is undone.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { explainSync } from '../../lib/mount/explain.ts';
import { list } from '../../lib/mount/list.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { mountsBelow, mountsOutsideScratch } from '../support/mounts.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { errorOf } from './forms.ts';

describePrivileged('an option that the kernel drops', () => {
  describe.each(['fsopen', 'mount'] as const)('via %s', (via) => {
    test.each(['index', 'nfsExport'] as const)('%s over layers without file handles', async (name) => {
      const { target, upper, work } = scratchDirectory().layers({ upper: true, work: true });
      const lower = tmpfsMount({ type: 'ramfs' }).path;
      const options = { [name]: true };
      await expect(mount({ lower, upper: upper!, work: work!, target, via, options })).rejects.toMatchObject({
        code: 'ERR_OVERLAY_OPTION_DROPPED',
        option: name,
        message: expect.stringContaining(lower),
      });
      expect(mountsBelow(target)).toEqual([]);
    });

    test.each(['index', 'nfsExport'] as const)('%s of a detached overlay, without a trace', async (name) => {
      const { upper, work, lower: whole } = scratchDirectory().layers({ upper: true, work: true });
      const lower = tmpfsMount({ type: 'ramfs' }).path;
      const footholds = () => [
        ...readdirSync(tmpdir()).filter((entry) => entry.startsWith('overlayfs-foothold-')),
        ...mountsOutsideScratch(),
      ];
      const stood = footholds();
      const options = { [name]: true };
      await expect(mount({ lower, upper: upper!, work: work!, via, options })).rejects.toMatchObject({
        code: 'ERR_OVERLAY_OPTION_DROPPED',
        option: name,
        message: expect.stringContaining(lower),
      });
      const fit = { lower: whole, upper: upper!, work: work!, via, options };
      const overlay = await mount(fit);
      overlay.unmountSync();
      mountSync(fit).unmountSync();
      // Those of other tests stand for a moment only.
      const more = () => footholds().filter((name) => !stood.includes(name));
      await expect.poll(more).toEqual([]);
    });

    test('and none when all are in force', async () => {
      const { target, lower, upper, work } = scratchDirectory().layers({ upper: true, work: true });
      const options = { index: true, metacopy: true, redirectDir: 'on' } as const;
      await using _ = await mount({ lower, upper: upper!, work: work!, target, via, options });
      const shown = (await list()).find((entry) => entry.target === target);
      expect(shown?.options).toMatchObject(options);
    });
  });
});

describe.each(['fsopen', 'mount'] as const)('without root, via %s', (via) => {
  test('what is dropped is noticed, and the mount undone without a trace', async () => {
    needUserNamespaces();
    const scratch = scratchDirectory();
    const { lower, upper, work } = scratch.layers({ lower: 1, target: false });
    const spec = { upper, work, via, rootless: true } as const;
    for (const name of ['index', 'nfsExport'] as const) {
      const asked = { ...spec, lower, options: { [name]: true } };
      const expected = {
        code: 'ERR_OVERLAY_OPTION_DROPPED',
        option: name,
        sentence: expect.stringContaining('CAP_DAC_READ_SEARCH'),
      };
      expect(explainSync(asked)[0]).toMatchObject(expected);
      const error = await errorOf(() => mount(asked));
      expect(error.findings[0]).toMatchObject(expected);
      expect(() => mountSync(asked)).toThrow(error.message);
      expect(readdirSync(work)).toEqual([]);
    }
    const before = openDescriptors();
    (await mount({ ...spec, lower, options: { uuid: 'on' } })).unmountSync();
    expect(openDescriptors()).toEqual(before);
  });
});
