// What goes wrong with a store: other things in the directory, newer versions, damage, full disks, no rights, died processes.
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { directoryName } from '../../lib/format/store/record.ts';
import { openStore } from '../../lib/store/index.ts';
import { run } from '../support/command.ts';
import { loopFilesystem, tmpfsMount } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { code, layer } from './suite.ts';

const at = (root: string, key: string, ...names: readonly string[]) =>
  join(root, 'snapshots', directoryName(key), ...names);

test('a directory with something else in it is left alone', async () => {
  const scratch = scratchDirectory();
  scratch.file('home/letter', 'dear');
  await expect(openStore(scratch.join('home'))).rejects.toMatchObject({
    code: 'ERR_STORE_FOREIGN',
    message: expect.stringContaining('letter'),
  });
  expect(readdirSync(scratch.join('home'))).toEqual(['letter']);
  await expect(openStore(scratch.join('no/such'))).rejects.toEqual(code('ERR_OVERLAY_NOT_FOUND'));
  await expect(openStore(scratch.join('home/letter'))).rejects.toEqual(code('ERR_OVERLAY_NOT_DIRECTORY'));
  await expect(openStore('')).rejects.toMatchObject({ option: 'root' });
  await expect(openStore(scratch.path, { driver: 'zfs' as never })).rejects.toEqual(
    code('ERR_OVERLAY_INVALID_VALUE'),
  );
});
test('a store of a newer version is refused, and one whose own record is damaged', async () => {
  const scratch = scratchDirectory();
  scratch.file('new/store.json', JSON.stringify({ version: 2 }));
  await expect(openStore(scratch.join('new'))).rejects.toMatchObject({
    code: 'ERR_STORE_VERSION',
    message: expect.stringContaining('version 2'),
  });
  scratch.file('torn/store.json', '{"version":');
  await expect(openStore(scratch.join('torn'))).rejects.toEqual(code('ERR_STORE_DAMAGED'));
});
test('a store that is not there is not made by who only looks', async () => {
  const scratch = scratchDirectory();
  const looking = (name: string) => openStore(scratch.join(name), { create: false });
  const missing = {
    code: 'ERR_STORE_MISSING',
    option: 'root',
    message: expect.stringContaining('no store in'),
  };
  await expect(looking('nothing')).rejects.toMatchObject(missing);
  scratch.directory('empty');
  await expect(looking('empty')).rejects.toMatchObject(missing);
  expect(readdirSync(scratch.join('empty'))).toEqual([]);
  scratch.file('home/letter', 'dear');
  await expect(looking('home')).rejects.toEqual(code('ERR_STORE_FOREIGN'));
  expect(readdirSync(scratch.path).sort()).toEqual(['empty', 'home']);
});
privileged('the driver stays what it was, and one that cannot work is refused', async () => {
  const scratch = scratchDirectory();
  const store = await openStore(scratch.join('store'), { driver: 'overlay' });
  expect(store.reason).toMatch(/^an overlay can be mounted/);
  await store.close();
  await expect(openStore(scratch.join('store'), { driver: 'btrfs' })).rejects.toEqual(
    code('ERR_STORE_DRIVER'),
  );
  await expect(openStore(scratch.join('other'), { driver: 'btrfs' })).rejects.toMatchObject({
    code: 'ERR_STORE_NO_DRIVER',
    message: expect.stringContaining('it is not on btrfs'),
  });
  // Nor is its directory there.
  expect(readdirSync(scratch.path)).toEqual(['store']);
  const { path } = tmpfsMount({ type: 'ramfs' });
  const inMemory = await openStore(join(path, 'store'));
  expect(inMemory.driver).toBe('overlay');
  await inMemory.close();
  // What an attempt that was cut off has left is gone on with.
  scratch.directory('begun/snapshots');
  scratch.file('begun/store.json.new', '{');
  await (await openStore(scratch.join('begun'))).close();
});
privileged('damaged records are found, refused, and removed only when that is asked for', async () => {
  const root = scratchDirectory().join('store');
  const store = await openStore(root);
  await layer(store, 'base', '', (path) => writeFileSync(join(path, 'file'), 'x'));
  await store.prepare('torn', 'base');
  await store.prepare('swapped', 'base');
  await store.prepare('no work', 'base');
  writeFileSync(at(root, 'torn', 'record'), '{"version":1,');
  writeFileSync(at(root, 'swapped', 'record'), readFileSync(at(root, 'no work', 'record')));
  rmSync(at(root, 'no work', 'work'), { recursive: true });
  mkdirSync(join(root, 'snapshots/stranger'));
  await expect(store.stat('torn')).rejects.toEqual(code('ERR_STORE_DAMAGED'));
  await expect(store.mount('swapped')).rejects.toEqual(code('ERR_STORE_DAMAGED'));
  expect((await store.list()).map(({ name }) => name)).toEqual(['base', 'no work']);
  const codes = (await store.check()).map((finding) => finding.code).sort();
  expect(codes).toEqual([
    'ERR_STORE_DAMAGED',
    'ERR_STORE_DAMAGED',
    'ERR_STORE_DAMAGED',
    'ERR_STORE_STRANGER',
  ]);
  expect(await store.repair()).toHaveLength(3);
  await (await store.mount('no work')).unmount();
  rmSync(join(root, 'snapshots/stranger'), { recursive: true });
  expect(await store.repair({ discard: true })).toEqual([]);
  expect(readdirSync(join(root, 'snapshots'))).toHaveLength(2);
  rmSync(at(root, 'base'), { recursive: true });
  expect(await store.check()).toMatchObject([{ code: 'ERR_STORE_NO_PARENT' }]);
  await store.close();
});
privileged('what a died process was at is rubbish: told of, and removed', async () => {
  const scratch = scratchDirectory();
  const root = scratch.join('store');
  const store = await openStore(root);
  await layer(store, 'base', '', (path) => writeFileSync(join(path, 'file'), 'x'));
  const outside = scratch.file('outside/kept', 'x');
  scratch.directory('store/sessions/dead/0/fs/deep');
  symlinkSync(scratch.join('outside'), scratch.join('store/sessions/dead/0/fs/link'));
  writeFileSync(scratch.join('store/claims/abc'), '');
  // A commit that was cut off before its rename, one behind it, and an update.
  await store.prepare('key', 'base');
  writeFileSync(at(root, 'key', 'committed'), readFileSync(at(root, 'base', 'committed')));
  writeFileSync(at(root, 'base', 'record'), readFileSync(at(root, 'key', 'record')));
  mkdirSync(at(root, 'base', 'work/work'), { recursive: true });
  writeFileSync(at(root, 'base', 'new-1-0'), '{');
  writeFileSync(at(root, 'base', 'letter'), 'dear');
  expect((await store.stat('key')).kind).toBe('active');
  expect((await store.stat('base')).kind).toBe('committed');
  // What is in use has nothing that anybody may call rubbish.
  const mounted = await store.mount('key');
  const codes = async () => (await store.check()).map((finding) => finding.code);
  const rubbish = (count: number) => ['ERR_STORE_STRANGER', ...Array(count).fill('ERR_STORE_RUBBISH')];
  expect(await codes()).toEqual(rubbish(5));
  await mounted.unmount();
  expect(await codes()).toEqual(rubbish(6));
  expect((await store.cleanup()).removed).toHaveLength(7);
  expect(readdirSync(at(root, 'base')).sort()).toEqual(['committed', 'fs', 'letter']);
  expect(readdirSync(at(root, 'key')).sort()).toEqual(['fs', 'record', 'work']);
  rmSync(at(root, 'base', 'letter'));
  expect(await store.check()).toEqual([]);
  expect(readFileSync(outside, 'utf8')).toBe('x');
  await store.close();
});
privileged('what cannot be removed is told by cleanup, and removed when it can be', async () => {
  const scratch = scratchDirectory();
  const root = scratch.join('store');
  const store = await openStore(root);
  await store.prepare('key');
  const mounted = await store.mount('key');
  writeFileSync(join(mounted.path, 'file'), 'x');
  await mounted.unmount();
  run('chattr', '+i', at(root, 'key', 'fs/file'));
  await store.remove('key');
  await expect(store.stat('key')).rejects.toEqual(code('ERR_STORE_NOT_FOUND'));
  const { findings } = await store.cleanup();
  expect(findings).toMatchObject([{ code: 'ERR_STORE_RUBBISH', sentence: expect.stringContaining('EPERM') }]);
  run('chattr', '-i', join(findings[0]!.path!, 'fs/file'));
  expect((await store.cleanup()).findings).toEqual([]);
  await store.close();
});
const drivers = {
  overlay: () => loopFilesystem('ext4', { sizeMiB: 32 }).path,
  btrfs: () => loopFilesystem('btrfs', { sizeMiB: 256 }).path,
};
describe.each(Object.entries(drivers))('a mount in what is to be removed, on %s', (_, place) => {
  privileged('refuses an active snapshot, and is never crossed in rubbish', async () => {
    const scratch = scratchDirectory();
    const kept = scratch.file('outside/kept', 'x');
    const root = join(place(), 'store');
    const store = await openStore(root);
    await layer(store, 'base', '', (path) => mkdirSync(join(path, 'inner/deep'), { recursive: true }));
    await store.prepare('key', 'base');
    await store.prepare('alone');
    mkdirSync(at(root, 'alone', 'fs/inner'));
    mkdirSync(at(root, 'key', 'fs/inner'), { recursive: true });
    for (const key of ['key', 'alone']) {
      const inner = at(root, key, 'fs/inner');
      run('mount', '--bind', scratch.join('outside'), inner);
      try {
        const refused = { code: 'ERR_STORE_IN_USE', message: expect.stringContaining(inner) };
        await expect(store.remove(key)).rejects.toMatchObject(refused);
        await expect(store.commit('other', key)).rejects.toMatchObject(refused);
        expect(readFileSync(kept, 'utf8')).toBe('x');
      } finally {
        run('umount', inner);
      }
      await store.remove(key);
    }
    const dead = join(root, 'sessions/dead/0/fs/inner');
    mkdirSync(dead, { recursive: true });
    run('mount', '--bind', scratch.join('outside'), dead);
    try {
      const { findings } = await store.cleanup();
      expect(findings).toMatchObject([
        { sentence: expect.stringMatching(/EBUSY/), path: expect.stringContaining('dead') },
      ]);
      expect(readFileSync(kept, 'utf8')).toBe('x');
    } finally {
      run('umount', dead);
    }
    expect((await store.cleanup()).findings).toEqual([]);
    expect(readFileSync(kept, 'utf8')).toBe('x');
    expect(await store.check()).toEqual([]);
    await store.close();
  });
  privileged(
    'what records point at and is missing is found, each by its name, and what can be made anew is',
    async () => {
      const root = join(place(), 'store');
      const store = await openStore(root);
      await layer(store, 'base', '', (path) => writeFileSync(join(path, 'file'), 'x'));
      await layer(store, 'top', 'base', (path) => writeFileSync(join(path, 'more'), 'x'));
      for (const key of ['no data', 'no record', 'good']) await store.prepare(key, 'top');
      await store.view('view', 'top');
      const remove = (path: string) =>
        store.driver === 'btrfs'
          ? run('btrfs', 'subvolume', 'delete', path)
          : rmSync(path, { recursive: true });
      remove(at(root, 'no data', 'fs'));
      rmSync(at(root, 'no record', 'record'));
      // A whole snapshot goes, and those that were made of it stay.
      if (store.driver === 'btrfs') run('btrfs', 'property', 'set', at(root, 'base', 'fs'), 'ro', 'false');
      remove(at(root, 'base', 'fs'));
      const found = (await store.check()).map(({ code: what, sentence }) => `${what} ${sentence}`).sort();
      expect(found).toEqual([
        expect.stringMatching(/^ERR_STORE_DAMAGED the snapshot "base" has no (data directory|subvolume) /),
        expect.stringMatching(/^ERR_STORE_DAMAGED the snapshot "no data" has no (data directory|subvolume) /),
        expect.stringMatching(/^ERR_STORE_DAMAGED the snapshot at ".*" cannot be used: it has no record$/),
      ]);
      const named = ['base', 'good', 'no data', 'top', 'view'];
      expect((await store.list()).map(({ name }) => name)).toEqual(named);
      const damaged = code('ERR_STORE_DAMAGED');
      await expect(store.commit('other', 'no data')).rejects.toEqual(damaged);
      await expect(store.usage('no data')).rejects.toEqual(damaged);
      await expect(store.prepare('of nothing', 'base')).rejects.toEqual(damaged);
      await expect(store.mount('no data')).rejects.toMatchObject({
        message: expect.stringContaining(directoryName('no data')),
      });
      expect(await store.repair()).toHaveLength(3);
      // What is damaged and in use is not discarded.
      const target = scratchDirectory().directory('target');
      run('mount', '--bind', at(root, 'no record', 'fs'), target);
      expect(await store.repair({ discard: true })).toHaveLength(3);
      run('umount', target);
      expect(await store.repair({ discard: true })).toHaveLength(2);
      // What has a record can be removed by its name.
      await store.remove('no data');
      for (const key of ['good', 'view', 'top', 'base']) await store.remove(key);
      expect(await store.check()).toEqual([]);
      await store.close();
    },
  );
});
privileged('a full disk is an error, and leaves nothing', async () => {
  const { path } = loopFilesystem('ext4', { sizeMiB: 32, mkfs: ['-N', '200'] });
  const root = join(path, 'store');
  const store = await openStore(root);
  await layer(store, 'base', '', () => {});
  const full = async () => {
    for (let i = 0; ; i++) await store.prepare(`key${i}`, 'base');
  };
  await expect(full()).rejects.toEqual(code('ERR_OVERLAY_NO_SPACE'));
  expect(await store.check()).toEqual([]);
  await store.close();
  // Who comes later can remove something, though nothing can be made.
  const later = await openStore(root);
  for (const { name } of (await later.list('kind==active')).slice(0, 4)) await later.remove(name);
  await later.cleanup();
  await later.prepare('again', 'base');
  expect(await later.check()).toEqual([]);
  await later.close();
});
