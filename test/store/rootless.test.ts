// A store of an ordinary user: what works in a user namespace, and how what does not is refused.
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../lib/store/index.ts';
import { archive, directory, file } from '../oci/layer-archive.ts';
import { packageForOthers } from '../support/built-package.ts';
import { loopFilesystem } from '../support/filesystems.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { missing } from '../support/requirement.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { seen } from './suite.ts';

/** Runs a body with `store`, `tell(name, what)` and an image, and gives all that was told. */
function asUser(place: string, body: string): Map<string, unknown> {
  const from = packageForOthers();
  const script = `
    import { openStore } from ${JSON.stringify(`${from}/dist/store/index.js`)};
    import { packLayer } from ${JSON.stringify(`${from}/dist/oci/index.js`)};
    import * as fs from 'node:fs';
    import { Readable } from 'node:stream';
    const at = (name) => ${JSON.stringify(place)} + '/' + name;
    const told = {};
    const tell = async (name, what) => {
      try {
        told[name] = (await what()) ?? 'done';
      } catch (error) {
        told[name] = { code: error.code, message: error.message, hint: error.hint };
      }
    };
    ${body}
    console.log(JSON.stringify(told));`;
  return new Map(Object.entries(printedJson<object>(asNobody(script))));
}

function openDirectory(): string {
  const path = scratchDirectory().directory('open');
  chmodSync(path, 0o777);
  return path;
}

// In the canonical form, with owners that no ordinary user can give.
const LAYERS = [
  archive(directory('etc'), file('etc/a', 'a'), file('etc/b', 'b', { uid: 7, gid: 1000 })),
  archive(
    file('c', 'c', { uid: 8 }),
    directory('etc', { gid: 5 }),
    file('etc/.wh.b', '', { mode: 0, mtime: 0n }),
  ),
];
const IMAGE = `
    import { createHash } from 'node:crypto';
    const layers = ${JSON.stringify(LAYERS.map((bytes) => bytes.toString('base64')))}.map((text) => {
      const bytes = Buffer.from(text, 'base64');
      const digest = 'sha256:' + createHash('sha256').update(bytes).digest('hex');
      return { digest, diffId: digest, size: bytes.length, open: () => Readable.from([bytes]) };
    });
    const image = { layers };`;

const USER_NAMESPACES = 'this machine lets ordinary users mount no overlay in a user namespace';

test('an ordinary user imports, mounts, writes, commits and packs', () => {
  const told = asUser(
    openDirectory(),
    `${IMAGE}
    const store = await openStore(at('store')).catch((error) => error);
    if (store instanceof Error) told.no = { code: store.code, message: store.message };
    else {
      told.driver = store.driver;
      const top = await store.import(image);
      await store.prepare('key', top.name);
      const mounted = await store.mount('key');
      told.seen = [fs.readdirSync(mounted.path), fs.readdirSync(mounted.path + '/etc')];
      fs.writeFileSync(mounted.path + '/new', 'n');
      fs.rmSync(mounted.path + '/etc/a');
      await tell('remove', () => store.remove('key'));
      await mounted.unmount();
      await tell('mounts', async () => (await store.mounts('key'))[0].options.filter((one) => one === 'userxattr'));
      told.changes = [];
      for await (const { kind, path } of store.changes('key')) told.changes.push(kind + ' ' + path);
      await store.commit('done', 'key');
      await store.view('view', 'done');
      await store.view('view of one', top.parent);
      await store.prepare('alone');
      await store.view('nothing');
      for (const key of ['view', 'view of one', 'alone', 'nothing'])
        await tell(key, async () => {
          const mounted = await store.mount(key);
          const names = fs.readdirSync(mounted.path);
          try {
            fs.writeFileSync(mounted.path + '/probe', '');
          } catch (error) {
            names.push(error.code);
          }
          await mounted.unmount();
          return names;
        });
      await tell('packed', async () => {
        const same = [];
        for (const [i, name] of [top.parent, top.name].entries()) {
          const packed = await store.pack(name, { compress: 'none' });
          await packed.toArray();
          same.push((await packed.result).diffId === layers[i].diffId);
          const from = packLayer(store.changes(name), { compress: 'none' });
          await from.toArray();
          same.push((await from.result).diffId === layers[i].diffId);
        }
        return same;
      });
      fs.mkdirSync(at('target'));
      for (const key of ['key', 'alone'])
        await tell('attached ' + key, async () => {
          if (key === 'key') await store.prepare('key', 'done');
          await store.mount(key, at('target'));
        });
      await tell('limits', () => store.prepare('limited', '', { limits: { bytes: 1000000 } }));
      told.check = await store.check();
      for (const key of ['view', 'view of one', 'alone', 'nothing', 'key', 'done', top.name]) await store.remove(key);
      told.left = (await store.list()).length;
      await store.close();
    }`,
  );
  if (told.get('no') !== undefined) missing(`${USER_NAMESPACES}: ${JSON.stringify(told.get('no'))}`);
  const notRootless = {
    code: 'ERR_OVERLAY_NOT_ROOTLESS',
    message: expect.stringContaining('user namespace'),
    hint: expect.any(String),
  };
  expect(Object.fromEntries(told)).toEqual({
    driver: 'overlay',
    seen: [['c', 'etc'], ['a']],
    remove: expect.objectContaining({ code: 'ERR_STORE_IN_USE' }),
    mounts: ['userxattr'],
    changes: expect.arrayContaining(['added new', 'deleted etc/a']),
    view: ['c', 'etc', 'new', 'EROFS'],
    'view of one': ['etc', 'EROFS'],
    alone: [],
    nothing: ['EROFS'],
    packed: [true, true, true, true],
    'attached key': notRootless,
    'attached alone': notRootless,
    limits: {
      code: 'ERR_STORE_NO_QUOTA',
      message: expect.stringContaining('this user may not set quotas'),
      hint: expect.stringContaining('run as root'),
    },
    check: [],
    left: 1,
  });
});
privileged('who may not write there is told so', () => {
  const scratch = scratchDirectory();
  scratch.directory('closed');
  const told = asUser(scratch.join('closed'), `await tell('open', () => openStore(at('store')));`);
  expect(told.get('open')).toMatchObject({
    code: 'ERR_OVERLAY_NO_ACCESS',
    message: expect.stringContaining('closed'),
  });
});
privileged('on btrfs an ordinary user gets the driver that works, and why', () => {
  const { path } = loopFilesystem('btrfs', { sizeMiB: 256 });
  chmodSync(path, 0o777);
  const told = asUser(
    path,
    `await tell('auto', async () => {
      const store = await openStore(at('auto'));
      await store.prepare('key');
      await (await store.mount('key')).unmount();
      await store.close();
      return [store.driver, store.reason];
    });
    await tell('btrfs', () => openStore(at('forced'), { driver: 'btrfs' }));
    told.left = fs.readdirSync(at('.')).filter((name) => name !== 'auto' && name !== 'forced');`,
  );
  if ((told.get('auto') as { code?: string }).code !== undefined)
    missing(`${USER_NAMESPACES}: ${JSON.stringify(told.get('auto'))}`);
  expect(told.get('auto')).toEqual(['overlay', expect.stringMatching(/^it is on btrfs, but no subvolume/)]);
  expect(told.get('btrfs')).toMatchObject({ code: 'ERR_STORE_NO_DRIVER' });
  expect(told.get('left')).toEqual([]);
});
privileged('root reads and writes the store of an ordinary user as that user does', async () => {
  const place = openDirectory();
  const told = asUser(
    place,
    `${IMAGE}
    await tell('import', async () => {
      const store = await openStore(at('store'));
      const top = await store.import(image);
      await store.prepare('key', top.name);
      await store.close();
      return top.name;
    });`,
  );
  const top = told.get('import');
  if (typeof top !== 'string') missing(`${USER_NAMESPACES}: ${JSON.stringify(top)}`);
  const store = await openStore(join(place, 'store'));
  const mounted = await store.mount('key');
  // What is deleted has no device here, but a file with an attribute.
  expect(readdirSync(join(mounted.path, 'etc'))).toEqual(['a']);
  rmSync(join(mounted.path, 'etc'), { recursive: true });
  mkdirSync(join(mounted.path, 'etc'));
  await mounted.unmount();
  await store.commit('changed', 'key');
  const changes = [];
  for await (const { kind, path } of store.changes('changed')) changes.push(`${kind} ${path}`);
  expect(changes).toContain('deleted etc/a');
  await store.view('view', 'changed');
  expect(await seen(store, 'view')).toEqual(['c 644 c', 'etc/ 755']);
  expect(await store.check()).toEqual([]);
  await store.close();
});
