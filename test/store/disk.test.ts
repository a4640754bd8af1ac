// Filesystems that are full or read-only, in the middle of what a store does: an error that says so, and nothing half-made.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect } from 'vitest';
import { digestOf } from '../../lib/format/oci/digest.ts';
import { type ImageSource, openStore } from '../../lib/store/index.ts';
import { archive, file } from '../oci/layer-archive.ts';
import { run } from '../support/command.ts';
import { loopFilesystem } from '../support/filesystems.ts';
import { fillUp } from '../support/full-filesystem.ts';
import { privileged } from '../support/privilege.ts';
import { code, layer, listing, seen } from './suite.ts';

const MIB = 1 << 20;
const places = {
  overlay: () => loopFilesystem('ext4', { sizeMiB: 32 }).path,
  btrfs: () => loopFilesystem('btrfs', { sizeMiB: 128, mkfs: ['--mixed'] }).path,
};

/** Of two small layers and one that is larger than any of these filesystems. */
function largeImage(): ImageSource {
  const layers = [1, 1, 200].map((mib, i) => {
    const bytes = archive(file(`file${i}`, `${i}`.repeat(mib * MIB)));
    const digest = digestOf(bytes);
    return { digest, diffId: digest, size: bytes.length, open: () => Readable.from([bytes]) };
  });
  return { layers };
}

describe.each(Object.entries(places))('on a full %s', (driver, place) => {
  privileged('an import ends with the layers that had room, and nothing of the others', async () => {
    const store = await openStore(join(place(), 'store'));
    expect(store.driver).toBe(driver);
    const image = largeImage();
    await expect(store.import(image)).rejects.toEqual(code('ERR_OVERLAY_NO_SPACE'));
    const there = (await store.list()).length;
    expect(there).toBeLessThan(3);
    expect(await store.check()).toEqual([]);
    expect((await store.cleanup()).findings).toEqual([]);
    // There is room again.
    const small = { layers: image.layers.slice(0, 2) };
    const top = await store.import(small);
    await store.view('look', top.name);
    expect((await seen(store, 'look')).map((line) => line.slice(0, 5))).toEqual(['file0', 'file1']);
    await store.close();
  });
  privileged('a commit has been made or has not, and can be made when there is room', async () => {
    const path = place();
    const store = await openStore(join(path, 'store'));
    await layer(store, 'base', '', (root) => writeFileSync(join(root, 'file'), 'base'));
    await store.prepare('key', 'base');
    const mounted = await store.mount('key');
    writeFileSync(join(mounted.path, 'more'), 'more');
    await mounted.unmount();
    // The record has to have room, whatever the filesystem keeps aside.
    const labels = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}`, 'x'.repeat(4000)]));
    fillUp(join(path, 'filler'), 200 * MIB);
    await expect(store.commit('name', 'key', { labels })).rejects.toEqual(code('ERR_OVERLAY_NO_SPACE'));
    await expect(store.update('base', labels)).rejects.toEqual(code('ERR_OVERLAY_NO_SPACE'));
    expect((await store.list()).map(({ name, kind }) => [name, kind])).toEqual([
      ['base', 'committed'],
      ['key', 'active'],
    ]);
    expect(await store.check()).toEqual([]);
    rmSync(join(path, 'filler'), { recursive: true });
    run('sync', '-f', path);
    const again = await store.mount('key');
    writeFileSync(join(again.path, 'last'), 'last');
    await again.unmount();
    expect((await store.commit('name', 'key', { labels })).labels).toEqual(labels);
    await store.view('view', 'name');
    expect(await seen(store, 'view')).toEqual(['file 644 base', 'last 644 last', 'more 644 more']);
    expect(await store.check()).toEqual([]);
    await store.close();
  });
});
describe.each(Object.entries(places))('on %s that is mounted read-only', (_, place) => {
  privileged('all can be looked at, and nothing is changed', async () => {
    const path = place();
    const root = join(path, 'store');
    const before = await openStore(root);
    await layer(before, 'base', '', (directory) => writeFileSync(join(directory, 'file'), 'base'));
    await layer(before, 'top', 'base', (directory) => writeFileSync(join(directory, 'more'), 'more'));
    await before.prepare('key', 'top');
    await before.view('view', 'top');
    await before.close();
    run('mount', '-o', 'remount,ro', path);
    const store = await openStore(root);
    expect((await store.list()).map(({ name }) => name)).toEqual(['base', 'key', 'top', 'view']);
    expect((await store.usage('base')).inodes).toBe(2);
    const view = await store.mount('view');
    expect(listing(view.path)).toEqual(['file 644 base', 'more 644 more']);
    await view.unmount();
    const changes = [];
    for await (const { kind, path: name } of store.changes('top'))
      if (name !== '.') changes.push(`${kind} ${name}`);
    expect(changes).toEqual(['added more']);
    expect(await store.check()).toEqual([]);
    const refused = code('ERR_STORE_READ_ONLY');
    await expect(store.prepare('new', 'top')).rejects.toEqual(refused);
    await expect(store.view('new', 'top')).rejects.toEqual(refused);
    await expect(store.commit('new', 'key')).rejects.toEqual(refused);
    await expect(store.update('key', {})).rejects.toEqual(refused);
    await expect(store.remove('key')).rejects.toEqual(refused);
    await expect(store.import(largeImage())).rejects.toEqual(refused);
    await store.close();
    await expect(openStore(join(path, 'another'))).rejects.toEqual(refused);
    expect(readdirSync(path).filter((name) => name !== 'lost+found')).toEqual(['store']);
    run('mount', '-o', 'remount,rw', path);
    const after = await openStore(root);
    expect(await after.check()).toEqual([]);
    const mounted = await after.mount('key');
    expect(readFileSync(join(mounted.path, 'more'), 'utf8')).toBe('more');
    writeFileSync(join(mounted.path, 'more'), 'less');
    await mounted.unmount();
    await after.remove('key');
    await after.close();
  });
});
