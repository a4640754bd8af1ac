// Several processes at one store: what they do at once is done once, and none takes from the other.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished } from 'vitest';
import { openStore } from '../../lib/store/index.ts';
import { archive, directory, file } from '../oci/layer-archive.ts';
import { loopFilesystem } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const packageRoot = fileURLToPath(new URL('../../', import.meta.url));

/** A process that has the store open, and does what the script says with `store`, `image` and `opened`. */
async function inProcess(root: string, layers: string, script: string): Promise<unknown> {
  const source = `
    import { openStore } from 'overlayfs/store';
    import { readFileSync } from 'node:fs';
    import { Readable } from 'node:stream';
    let opened = 0;
    const image = {
      layers: JSON.parse(readFileSync(${JSON.stringify(layers)}, 'utf8')).map(({ digest, text }) => ({
        digest,
        diffId: digest,
        size: Buffer.from(text, 'base64').length,
        open: () => ((opened += 1), Readable.from([Buffer.from(text, 'base64')])),
      })),
    };
    const store = await openStore(${JSON.stringify(root)});
    const told = await (async () => { ${script} })();
    await store.close();
    console.log(JSON.stringify(told));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [out, errors] = ['', ''];
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(errors);
  return JSON.parse(out);
}

function layerFile(count: number): string {
  const layers = Array.from({ length: count }, (_, i) => {
    const files = Array.from({ length: 60 }, (_, n) => file(`d${i}/f${n}`, `${i} ${n} `.repeat(300)));
    const bytes = archive(directory(`d${i}`), ...files);
    return {
      digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
      text: bytes.toString('base64'),
    };
  });
  const path = scratchDirectory().join('layers.json');
  writeFileSync(path, JSON.stringify(layers));
  return path;
}

const places = {
  overlay: () => loopFilesystem('ext4', { sizeMiB: 64 }).path,
  btrfs: () => loopFilesystem('btrfs', { sizeMiB: 256 }).path,
};

describe.each(Object.entries(places))('processes at one store of %s', (_, place) => {
  privileged('that import the same image at once unpack each layer once, and all have it', async () => {
    const root = join(place(), 'store');
    await (await openStore(root)).close();
    const layers = layerFile(4);
    const importing = 'const { name } = await store.import(image); return { name, opened };';
    const told = (await Promise.all([0, 1, 2].map(() => inProcess(root, layers, importing)))) as {
      name: string;
      opened: number;
    }[];
    expect(new Set(told.map(({ name }) => name)).size).toBe(1);
    expect(told.reduce((sum, { opened }) => sum + opened, 0)).toBe(4);
    const store = await openStore(root);
    expect(await store.list('kind==committed')).toHaveLength(4);
    expect(await store.check()).toEqual([]);
    await store.close();
  });
  privileged('one of which removes what the other imports, again and again', async () => {
    const root = join(place(), 'store');
    await (await openStore(root)).close();
    const layers = layerFile(3);
    const [begun, taken, ended] = ['begun', 'taken', 'ended'].map((name) => scratchDirectory().join(name));
    const importing = `
      let done = 0;
      const { existsSync, writeFileSync } = await import('node:fs');
      while (!existsSync(${JSON.stringify(begun)})) await new Promise((resolve) => setTimeout(resolve, 5));
      for (; done < 8 || !existsSync(${JSON.stringify(taken)}); done++) {
        const { name } = await store.import(image);
        // What was given is whole, or has been removed by now.
        try {
          await store.view('look', name);
          const mounted = await store.mount('look');
          const names = (await import('node:fs')).readdirSync(mounted.path);
          if (names.length !== 3) throw new Error('it shows ' + names);
          await mounted.unmount();
          await store.remove('look');
        } catch (error) {
          if (error.code !== 'ERR_STORE_NOT_FOUND') throw error;
        }
      }
      writeFileSync(${JSON.stringify(ended)}, '');
      return done;`;
    const removing = `
      let removed = 0;
      const { existsSync, writeFileSync } = await import('node:fs');
      writeFileSync(${JSON.stringify(begun)}, '');
      while (!existsSync(${JSON.stringify(ended)})) {
        for (const { name } of (await store.list('kind==committed')).reverse()) {
          try {
            await store.remove(name);
            removed += 1;
            writeFileSync(${JSON.stringify(taken)}, '');
          } catch (error) {
            if (!/_(NOT_FOUND|HAS_CHILDREN|IN_USE)$/.test(error.code)) throw error;
          }
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      return removed;`;
    const [imported, removed] = await Promise.all([
      inProcess(root, layers, importing),
      inProcess(root, layers, removing),
    ]);
    expect(imported).toBeGreaterThanOrEqual(8);
    expect(removed).toBeGreaterThan(0);
    const store = await openStore(root);
    expect(await store.check()).toEqual([]);
    for (const { name } of (await store.list()).reverse()) await store.remove(name).catch(() => {});
    await store.close();
  });
});
