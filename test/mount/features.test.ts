// features() through the public door: answers for what the kernel lacks, errors for a directory that is none.
import { describe, expect, test } from 'vitest';
import { features, featuresSync } from '../../lib/mount/features.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { runFaked } from '../support/fake-errno.ts';
import { openDescriptors } from '../support/leaks.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { scratchDirectory } from '../support/scratch.ts';

describe('features', () => {
  test('tells of the machine, and of a directory when asked', async () => {
    expect(await features()).not.toHaveProperty('directory');
    const { directory } = await features(scratchDirectory().path);
    expect(directory?.filesystem.magic).toBeGreaterThan(0);
  });

  test('tells whether a user namespace gives a detached overlay, and leaves nothing of it', () => {
    needUserNamespaces();
    featuresSync();
    const before = openDescriptors();
    expect(featuresSync().rootless).toMatchObject({ available: true });
    expect(openDescriptors()).toEqual(before);
    const script = `
      import { featuresSync } from 'overlayfs';
      console.log(JSON.stringify(featuresSync().rootless));`;
    expect(printedJson(asNobody(script))).toMatchObject({ available: true });
    expect(printedJson(runFaked(['unshare=EPERM'], script))).toMatchObject({
      available: false,
      reason: expect.stringContaining('unshare'),
    });
  });

  test('refuses a directory that is missing or none, by its path', async () => {
    const scratch = scratchDirectory();
    const path = scratch.join('missing');
    await expect(features(path)).rejects.toMatchObject({
      code: 'ERR_OVERLAY_NOT_FOUND',
      option: 'dir',
      path,
    });
    const file = scratch.file('file');
    expect(() => featuresSync(file)).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_NOT_DIRECTORY', option: 'dir', path: file }),
    );
  });

  test('refuses what is no path', () => {
    expect(() => featuresSync(7 as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_INVALID_TYPE', option: 'dir' }),
    );
  });
});
