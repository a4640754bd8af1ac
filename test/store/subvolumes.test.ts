// Subvolumes that lie in a snapshot: copied, sealed and destroyed with it, and the room of what was destroyed is given back.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { directoryName } from '../../lib/format/store/record.ts';
import { openStore } from '../../lib/store/index.ts';
import { run } from '../support/command.ts';
import { loopFilesystem } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { layer } from './suite.ts';

const subvolumes = (path: string) => run('btrfs', 'subvolume', 'list', path).split('\n').filter(Boolean);

privileged('subvolumes in a snapshot go where it goes', async () => {
  const { path } = loopFilesystem('btrfs', { sizeMiB: 256 });
  const store = await openStore(join(path, 'store'));
  await layer(store, 'base', '', (root) => {
    mkdirSync(join(root, 'var/lib'), { recursive: true });
    run('btrfs', 'subvolume', 'create', join(root, 'var/lib/nested'));
    run('btrfs', 'subvolume', 'create', join(root, 'var/lib/nested/deep'));
    writeFileSync(join(root, 'var/lib/nested/deep/file'), 'text');
  });
  expect(subvolumes(path)).toHaveLength(3);
  await layer(store, 'child', 'base', (root) => {
    expect(readFileSync(join(root, 'var/lib/nested/deep/file'), 'utf8')).toBe('text');
    writeFileSync(join(root, 'var/lib/nested/deep/file'), 'changed');
  });
  expect(subvolumes(path)).toHaveLength(6);
  // Committed ones cannot be written to, in whatever subvolume.
  const inner = join(path, 'store/snapshots', directoryName('child'), 'fs/var/lib/nested/deep/file');
  expect(readFileSync(inner, 'utf8')).toBe('changed');
  expect(() => writeFileSync(inner, 'x')).toThrow(/EROFS/);
  expect(await store.check()).toEqual([]);
  await store.remove('child');
  await store.remove('base');
  expect((await store.cleanup()).findings).toEqual([]);
  expect(subvolumes(path)).toEqual([]);
  expect(run('btrfs', 'subvolume', 'list', '-d', path)).toBe('');
  await store.close();
});
privileged(
  'a committed snapshot that was written to is found, and one that can be written to is mended',
  async () => {
    const { path } = loopFilesystem('btrfs', { sizeMiB: 256 });
    const store = await openStore(join(path, 'store'));
    for (const name of ['base', 'other'])
      await layer(store, name, '', (root) => writeFileSync(join(root, 'file'), 'x'));
    const data = (name: string) => join(path, 'store/snapshots', directoryName(name), 'fs');
    for (const name of ['base', 'other']) run('btrfs', 'property', 'set', data(name), 'ro', 'false');
    expect((await store.check()).map(({ code }) => code)).toEqual([
      'ERR_STORE_WRITABLE',
      'ERR_STORE_WRITABLE',
    ]);
    writeFileSync(join(data('base'), 'file'), 'y');
    run('sync', '-f', path);
    const left = await store.repair();
    expect(left).toMatchObject([{ code: 'ERR_STORE_CHANGED', sentence: expect.stringContaining('"base"') }]);
    expect(() => writeFileSync(join(data('other'), 'file'), 'y')).toThrow(/EROFS/);
    await store.close();
  },
);
