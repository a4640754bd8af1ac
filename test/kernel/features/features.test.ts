// The probe as a whole: what it says is what happens, it says the same in both forms, and it leaves nothing behind.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Features } from '../../../lib/kernel/features/features.ts';
import { features, featuresSync } from '../../../lib/mount/features.ts';
import { openDescriptors } from '../../support/leaks.ts';
import { mounts } from '../../support/mounts.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** What changes between two probes of a live system. */
function stable({ directory, ...rest }: Features): unknown {
  const { freeBytes: _, freeInodes: __, ...filesystem } = directory!.filesystem;
  return { ...rest, directory: { ...directory, filesystem } };
}

describe('features', () => {
  test('gives the same answers in both forms', async () => {
    const dir = scratchDirectory().path;
    expect(stable(featuresSync(dir))).toEqual(stable(await features(dir)));
  });

  test('has a reason for every answer, and a remedy only where something is wanting', async () => {
    const found = await features(scratchDirectory().path);
    const answers = [found, found.systemCalls, found.directory!].flatMap((group) =>
      Object.entries(group).filter(([, value]) => typeof value === 'object' && 'available' in value),
    );
    expect(answers.length).toBeGreaterThan(30);
    for (const [name, { available, reason, remedy }] of answers) {
      expect([name, reason]).toEqual([name, expect.stringMatching(/./)]);
      if (available === true) expect([name, remedy]).toEqual([name, undefined]);
    }
  });

  test('leaves no mount, no file and no descriptor', async () => {
    const scratch = scratchDirectory();
    const look = () => ({
      mounts: mounts().filter(({ source, type }) => `${source} ${type}`.includes('probe')),
      names: [readdirSync(scratch.path), readdirSync(tmpdir()).filter((name) => name.includes('probe'))],
      descriptors: openDescriptors().length,
    });
    await features(scratch.path); // Node opens some of its own when it first starts a child
    const before = look();
    await Promise.all([features(scratch.path), features(scratch.path)]);
    featuresSync(scratch.path);
    expect(look()).toEqual(before);
  });

  test('takes strings, bytes and URLs', async () => {
    const dir = scratchDirectory().directory('a dir');
    const { device } = (await features(dir)).directory!.filesystem;
    for (const form of [Buffer.from(dir), new Uint8Array(Buffer.from(dir)), pathToFileURL(dir)])
      expect((await features(form)).directory?.filesystem.device).toBe(device);
  });

  test('says nothing of a directory when none is given', async () => {
    expect(await features()).not.toHaveProperty('directory');
  });

  test('refuses what is no path', async () => {
    for (const wrong of [null, 7, {}, ['/']])
      await expect(features(wrong as never)).rejects.toMatchObject({ code: 'ERR_OVERLAY_INVALID_TYPE' });
    await expect(features('a\0b')).rejects.toMatchObject({ code: 'ERR_OVERLAY_NUL_BYTE' });
    expect(() => featuresSync('')).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_EMPTY_PATH' }));
  });

  test('throws the failed call for a directory that is missing or none', async () => {
    const scratch = scratchDirectory();
    await expect(features(scratch.join('missing'))).rejects.toMatchObject({
      name: 'OverlayError',
      code: 'ERR_OVERLAY_NOT_FOUND',
      syscall: 'openat',
    });
    expect(() => featuresSync(scratch.file('file'))).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_NOT_DIRECTORY' }),
    );
  });
});
