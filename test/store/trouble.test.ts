// What goes wrong with a store: other things in the directory, newer versions, damage, full disks, no rights, died processes.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { directoryName } from '../../lib/format/store/record.ts';
import { openStore } from '../../lib/store/index.ts';
import { packageForOthers } from '../support/built-package.ts';
import { run } from '../support/command.ts';
import { loopFilesystem, tmpfsMount } from '../support/filesystems.ts';
import { asNobody } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { layer } from './suite.ts';

const code = (wanted: string) => expect.objectContaining({ code: wanted });
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
privileged('what cannot be removed is told by cleanup, and a mount in it is not crossed', async () => {
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
privileged('who may not write there is told so, and an ordinary user has a store of their own', async () => {
  const scratch = scratchDirectory();
  scratch.directory('closed');
  chmodSync(scratch.directory('open'), 0o777);
  const script = `
    import { openStore } from ${JSON.stringify(`${packageForOthers()}/dist/store/index.js`)};
    import { readdirSync, writeFileSync } from 'node:fs';
    const told = (error) => console.log(error.code);
    await openStore(${JSON.stringify(scratch.join('closed/store'))}).catch(told);
    await openStore(${JSON.stringify(scratch.join('open/store'))}).then(async (store) => {
      const snapshot = await store.prepare('key').catch(told);
      console.log(store.driver, snapshot?.kind);
      await store.close();
    }, told);`;
  const { stdout, stderr } = asNobody(script, {});
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^ERR_OVERLAY_NO_ACCESS\n(overlay active|ERR_STORE_NO_DRIVER)\n$/);
});
