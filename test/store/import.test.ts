// Images become snapshots: over both drivers, shared by chain ID, several at once, and never in part.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { chainIds } from '../../lib/format/oci/digest.ts';
import { packLayer } from '../../lib/oci/pack-layer.ts';
import { type ImageSource, type ImportProgress, openStore, type Store } from '../../lib/store/index.ts';
import { loopFilesystem } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { seen } from './suite.ts';

const digest = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface Made extends ImageSource {
  /** How often each layer was opened. */
  readonly opened: number[];
}

/** An image of layers that tar(1) makes of trees: names with their content, null for a whiteout. */
function image(...trees: readonly Readonly<Record<string, string | null>>[]): Made {
  const scratch = scratchDirectory();
  const opened = trees.map(() => 0);
  const layers = trees.map((tree, i) => {
    const root = scratch.directory(`layer${i}`);
    for (const [name, content] of Object.entries(tree)) {
      const path = join(root, content === null ? name.replace(/([^/]+)$/, '.wh.$1') : name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, content ?? '');
    }
    const file = scratch.join(`${i}.tar`);
    execFileSync('tar', ['-cf', file, '-C', root, '.']);
    const bytes = readFileSync(file);
    const packed = gzipSync(bytes);
    writeFileSync(`${file}.gz`, packed);
    const open = () => {
      opened[i]! += 1;
      return createReadStream(`${file}.gz`);
    };
    return { digest: digest(packed), diffId: digest(bytes), size: packed.length, open };
  });
  return { layers, opened };
}

const trees = [
  { 'etc/a': 'one', 'etc/b': 'b', 'bin/sh': 'x'.repeat(50_000) },
  { 'etc/a': 'two', 'etc/b': null, 'new/f': 'f' },
  { 'etc/c': 'c', 'new': null, last: '3' },
];

async function shown(store: Store, name: string): Promise<string[]> {
  await store.view('look', name);
  try {
    return (await seen(store, 'look')).map((line) => line.slice(0, 40));
  } finally {
    await store.remove('look');
  }
}

const places = {
  overlay: () => loopFilesystem('ext4', { sizeMiB: 64 }).path,
  btrfs: () => loopFilesystem('btrfs', { sizeMiB: 256 }).path,
};

describe.each(Object.entries(places))('into a store of %s', (driver, place) => {
  privileged('each layer is a committed snapshot of its chain ID, and is unpacked once', async () => {
    const store = await openStore(join(place(), 'store'));
    expect(store.driver).toBe(driver);
    const made = image(...trees);
    const progress: ImportProgress[] = [];
    const top = await store.import(made, { onProgress: (one) => progress.push(one) });
    const chain = chainIds(made.layers.map(({ diffId }) => diffId));
    expect(top).toMatchObject({ name: chain[2], parent: chain[1], kind: 'committed' });
    expect((await store.list()).map(({ name }) => name)).toEqual([...chain].sort());
    expect(await shown(store, top.name)).toEqual([
      'bin/ 755',
      `bin/sh 644 ${'x'.repeat(29)}`,
      'etc/ 755',
      'etc/a 644 two',
      'etc/c 644 c',
      'last 644 3',
    ]);
    for (const layer of [0, 1, 2])
      expect(progress.filter((one) => one.layer === layer).at(-1)).toMatchObject({
        state: 'done',
        read: made.layers[layer]!.size,
      });
    await store.import(made);
    // Another image on the same first layer.
    const other = { layers: [made.layers[0]!, image({ other: 'o' }).layers[0]!] };
    expect(await shown(store, (await store.import(other)).name)).toContain('other 644 o');
    expect(made.opened).toEqual([1, 1, 1]);
    expect((await store.usage(chain[0]!)).bytes).toBeGreaterThan(50_000);
    expect((await store.usage(chain[1]!)).bytes).toBeLessThan(50_000);
    expect(await store.check()).toEqual([]);
    await store.close();
  });
  privileged('two that import at once share the work', async () => {
    const root = join(place(), 'store');
    const [one, two] = [await openStore(root), await openStore(root)];
    const made = image(...trees);
    const [a, b] = await Promise.all([one.import(made), two.import(made)]);
    expect(a.name).toBe(b.name);
    expect(made.opened).toEqual([1, 1, 1]);
    for (const store of [one, two]) await store.close();
  });
  privileged('what was changed is packed as a layer, which makes the same again', async () => {
    const store = await openStore(join(place(), 'store'));
    const made = image(...trees);
    const top = await store.import(made);
    await store.prepare('web', top.name);
    const mounted = await store.mount('web');
    writeFileSync(join(mounted.path, 'etc/new'), 'n');
    rmSync(join(mounted.path, 'bin'), { recursive: true });
    await mounted.unmount();
    await store.commit('changed', 'web');
    const packed = await store.pack('changed', { compress: 'none' });
    const bytes = Buffer.concat(await packed.toArray());
    const { digest: id, diffId, size } = await packed.result;
    expect([id, size]).toEqual([digest(bytes), bytes.length]);
    const told = packLayer(store.changes('changed'), { compress: 'none' });
    expect(Buffer.concat(await told.toArray()).equals(bytes)).toBe(true);
    const gone = packLayer(store.changes('gone'));
    await expect(gone.toArray()).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
    const again = { digest: id, diffId, size, open: () => Readable.from([bytes]) };
    const { name } = await store.import({ layers: [...made.layers, again] });
    expect(await shown(store, name)).toEqual(await shown(store, 'changed'));
    expect(await shown(store, name)).not.toContain('bin/ 755');
    await store.view('look at it', 'changed');
    await expect(store.pack('look at it')).rejects.toMatchObject({ code: 'ERR_STORE_NOT_ACTIVE' });
    const same = packLayer(store.changes('changed'), { compress: 'none' });
    expect(Buffer.concat(await same.toArray()).equals(bytes)).toBe(true);
    expect((await same.result).diffId).toBe(diffId);
    await store.close();
  });
  privileged(
    'what is wrong with a layer fails it and those above it, and nothing of them is left',
    async () => {
      const store = await openStore(join(place(), 'store'));
      const good = image(...trees);
      const wrong = good.layers.map((layer, i) =>
        i === 1 ? { ...layer, diffId: digest(Buffer.from('other')) } : layer,
      );
      await expect(store.import({ layers: wrong })).rejects.toMatchObject({
        code: 'ERR_OVERLAY_DIGEST_MISMATCH',
        message: expect.stringContaining(`layer 2 of ${wrong.length}: `),
      });
      expect((await store.list()).length).toBeLessThanOrEqual(1);
      expect(await store.check()).toEqual([]);
      await expect(store.import({ layers: [] })).rejects.toMatchObject({ code: 'ERR_STORE_NO_LAYERS' });
      await expect(store.import({ layers: [{ ...good.layers[0]!, diffId: 'md5:x' }] })).rejects.toMatchObject(
        { code: expect.stringMatching(/^ERR_OVERLAY/) },
      );
      const abort = new AbortController();
      const importing = store.import(good, {
        signal: abort.signal,
        onProgress: () => abort.abort(new Error('enough')),
      });
      await expect(importing).rejects.toThrow('enough');
      expect((await store.cleanup()).findings).toEqual([]);
      expect(await store.check()).toEqual([]);
      // And then it works.
      expect((await store.import(good)).kind).toBe('committed');
      await store.close();
    },
  );
});
