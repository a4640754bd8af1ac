// remount(): attributes change one by one, by both families of calls, and everything else is refused.
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { list } from '../../lib/mount/list.ts';
import { mount } from '../../lib/mount/mount.ts';
import { remount, remountSync } from '../../lib/mount/remount.ts';
import { runFaked } from '../support/fake-errno.ts';
import { printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

async function attributesAt(target: string) {
  return (await list()).find((entry) => entry.target === target)?.attributes;
}

describe('remount', () => {
  privileged('sets what is true, clears what is false, keeps the rest', async () => {
    const { target, ...layers } = scratchDirectory().layers({ upper: true, work: true });
    await using _ = await mount({ ...layers, target, attributes: { nosuid: true, noatime: true } });
    await remount(target, { readOnly: true });
    expect(await attributesAt(target)).toEqual({ readOnly: true, nosuid: true, noatime: true });
    expect(() => writeFileSync(`${target}/new`, '')).toThrow(expect.objectContaining({ code: 'EROFS' }));
    remountSync(target, { nosuid: false, strictatime: true });
    expect(await attributesAt(target)).toEqual({ readOnly: true, strictatime: true });
    await remount(target, { readOnly: false, relatime: true });
    expect(await attributesAt(target)).toEqual({ relatime: true });
    writeFileSync(`${target}/new`, '');
  });

  privileged('names who writes when it cannot become read-only', async () => {
    const { target, ...layers } = scratchDirectory().layers({ upper: true, work: true });
    await using _ = await mount({ ...layers, target });
    const fd = openSync(`${target}/open`, 'w');
    try {
      await expect(remount(target, { readOnly: true })).rejects.toMatchObject({
        code: 'ERR_OVERLAY_BUSY',
        path: target,
        message: expect.stringContaining(String(process.pid)),
      });
    } finally {
      closeSync(fd);
    }
  });

  privileged('refuses what is no overlay, and attributes that do not exist', async () => {
    const scratch = scratchDirectory();
    await expect(remount(scratch.path, { readOnly: true })).rejects.toMatchObject({
      code: 'ERR_OVERLAY_NOT_MOUNTED',
      option: 'target',
    });
    expect(() => remountSync(scratch.path, { readonly: true } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_UNKNOWN_OPTION', option: 'readonly' }),
    );
  });

  privileged('does the same without mount_setattr(2)', () => {
    const { target, lower, upper, work } = scratchDirectory().layers({ upper: true, work: true });
    const script = `
      import { listSync, mountSync, remountSync } from 'overlayfs';
      const [lower, upper, work, target] = ${JSON.stringify([lower, upper, work, target])};
      const overlay = mountSync({ lower, upper, work, target, attributes: { nosuid: true, noatime: true } });
      remountSync(target, { readOnly: true, nosuid: false, strictatime: true });
      console.log(JSON.stringify(listSync().find((entry) => entry.target === target).attributes));
      overlay.unmountSync();`;
    const outcome = runFaked(['mount_setattr=ENOSYS'], script);
    expect(printedJson(outcome)).toEqual({ readOnly: true, strictatime: true });
  });
});
