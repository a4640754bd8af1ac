// A work directory that the kernel would empty is refused, and so is a mount that it would silently make read-only.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const families = ['fsopen', 'mount'] as const;

function layers(): { spec: MountSpec; work: string } {
  const { lower, upper, work, target } = scratchDirectory().layers({ upper: true, work: true });
  return { spec: { lower, upper: upper!, work: work!, target }, work: work! };
}

describePrivileged('a work directory with data in it', () => {
  describe.each(families)('via %s', (via) => {
    test.each([
      ['a file', (work: string) => writeFileSync(`${work}/work`, 'mine')],
      ['a directory', (work: string) => mkdirSync(`${work}/work/a/b`, { recursive: true })],
    ])('is refused when its entry "work" is %s, and keeps it', async (_, fill) => {
      const { spec, work } = layers();
      fill(work);
      const before = readdirSync(work, { recursive: true });
      const refused = { code: 'ERR_OVERLAY_WORK_HAS_DATA', option: 'work', path: work };
      await expect(mount({ ...spec, via })).rejects.toMatchObject(refused);
      expect(() => mountSync({ ...spec, via })).toThrow(expect.objectContaining(refused));
      expect(readdirSync(work, { recursive: true })).toEqual(before);
    });

    test('is emptied by the kernel when that is insisted on', async () => {
      const { spec, work } = layers();
      writeFileSync(`${work}/work`, 'mine');
      const overlay = await mount({ ...spec, via, discardWork: true });
      await overlay.unmount();
      expect(() => readFileSync(`${work}/work`)).toThrow(expect.objectContaining({ code: 'EISDIR' }));
    });

    test('what an overlay leaves in it is no data', async () => {
      const { spec } = layers();
      for (let round = 0; round < 2; round++) await (await mount({ ...spec, via })).unmount();
    });
  });
});

describePrivileged('a mount that the kernel would make read-only', () => {
  describe.each(families)('via %s', (via) => {
    test('is refused when no directory can be made, with the reason', async () => {
      const { spec } = layers();
      const { path } = tmpfsMount({ inodes: 20 });
      for (const name of ['u', 'w', 'filler']) mkdirSync(`${path}/${name}`);
      // The root is an inode too.
      for (let i = 0; i < 16; i++) writeFileSync(`${path}/filler/${i}`, '');
      const full = { ...spec, via, upper: `${path}/u`, work: `${path}/w` };
      await expect(mount(full)).rejects.toMatchObject({
        code: 'ERR_OVERLAY_BECAME_READ_ONLY',
        option: 'work',
        message: expect.stringContaining('ENOSPC'),
      });
      rmSync(`${path}/filler`, { recursive: true });
      await (await mount(full)).unmount();
    });

    test('is refused when what is in work cannot be removed', async () => {
      const { spec, work } = layers();
      mkdirSync(`${work}/work/a/b/c`, { recursive: true });
      await expect(mount({ ...spec, via, discardWork: true })).rejects.toMatchObject({
        code: 'ERR_OVERLAY_BECAME_READ_ONLY',
        message: expect.stringContaining('cannot remove'),
      });
    });

    test('is made when read-only is what was asked for', async () => {
      const { spec, work } = layers();
      run('chattr', '+i', work);
      try {
        await expect(mount({ ...spec, via })).rejects.toMatchObject({
          code: 'ERR_OVERLAY_BECAME_READ_ONLY',
          message: expect.stringContaining('EPERM'),
        });
        await (await mount({ ...spec, via, attributes: { readOnly: true } })).unmount();
      } finally {
        run('chattr', '-i', work);
      }
    });
  });
});
