import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { openStack } from '../../lib/layer/index.ts';
import { mount } from '../../lib/mount/mount.ts';
import { openImage } from '../../lib/oci/open-image.ts';
import { type PackedLayer, type PackOptions, packLayer } from '../../lib/oci/pack-layer.ts';
import { unpackLayer } from '../../lib/oci/unpack-layer.ts';
import type { UnpackOptions } from '../../lib/oci/unpack-options.ts';
import { writeImage } from '../../lib/oci/write-image.ts';
import { readAll } from '../format/tar/archive.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { archive, directory, entry, file, hardlink, symlink } from './layer-archive.ts';
import { snapshot } from './snapshot.ts';

const sha = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const OWN = process.geteuid!() === 0 ? {} : ({ rootless: true } as const);

async function bytesOf(packed: PackedLayer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of packed) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const whiteout = (name: string) => file(name, '', { mode: 0, mtime: 0n });
// Canonical: in order, deletions as the writer has them.
const canonical = archive(
  directory('.', { mode: 0o711 }),
  directory('a', { mode: 0o1777, uid: 5 }),
  file('a/b', 'b', {
    mode: 0o4755,
    gid: 2_097_152,
    mtime: 1_234_567_890_000_000_001n,
    xattrs: { 'user.x': 'x\0y' },
  }),
  hardlink('a/c', 'a/b', { mode: 0o4755, gid: 2_097_152, mtime: 1_234_567_890_000_000_001n }),
  directory('a-b'),
  whiteout('a-b/.wh..wh..opq'),
  file('a-b/empty'),
  whiteout('a-b0/.wh.x').subarray(0, 0),
  directory('caf\xe9'),
  whiteout('caf\xe9/.wh.gone'),
  symlink('link', '/a/b'),
  file('nested', '', { xattrs: { 'user.overlay.redirect': 'r' } }),
  entry('pipe', { type: 'fifo' }),
  whiteout('.wh.z'),
);

const forms: UnpackOptions[] =
  process.geteuid!() === 0
    ? (['trusted', 'user'] as const).flatMap((xattrs) =>
        (['device', 'xattr'] as const).map((whiteouts) => ({ xattrs, whiteouts })),
      )
    : [{ xattrs: 'user', rootless: true }];

test.each([...forms, { rootless: true, xattrs: 'user' } as UnpackOptions])(
  'unpacked (%o) and packed, a canonical layer has the digest that it had',
  async ({ xattrs, whiteouts, rootless }) => {
    const dir = scratchDirectory().join('l');
    await unpackLayer(Readable.from([canonical]), dir, {
      ...(xattrs && { xattrs }),
      ...(whiteouts && { whiteouts }),
      ...(rootless && { rootless }),
    });
    const options: PackOptions = {
      compress: 'none',
      ...(xattrs && { xattrs }),
      ...(rootless && { rootless }),
    };
    const packed = packLayer(dir, options);
    const bytes = await bytesOf(packed);
    const names = (tar: Buffer) =>
      readAll(tar).map(({ name, mode, uid, gid }) => `${name.toString('latin1')} ${mode} ${uid} ${gid}`);
    expect(names(bytes)).toEqual(names(canonical));
    expect(await packed.result).toEqual({
      digest: sha(canonical),
      diffId: sha(canonical),
      size: canonical.length,
    });
  },
);

test('gzip, clamped times, and a stream that is not read', async () => {
  const dir = scratchDirectory().directory('l');
  writeFileSync(join(dir, 'f'), 'x'.repeat(200_000));
  const digests = new Set<string>();
  for (const compress of ['none', 'gzip'] as const) {
    const packed = packLayer(dir, { ...OWN, compress, clampTime: new Date(5000) });
    const bytes = await bytesOf(packed);
    const result = await packed.result;
    expect(result).toMatchObject({ digest: sha(bytes), size: bytes.length });
    digests.add(result.diffId);
    if (compress === 'none') expect(readAll(bytes).at(-1)).toMatchObject({ mtime: 5_000_000_000n });
  }
  expect(digests.size).toBe(1);
  const unread = packLayer(dir);
  unread.destroy();
  await expect(unread.result).rejects.toMatchObject({ code: 'ERR_OVERLAY_LAYER_UNREAD' });
  await expect(bytesOf(packLayer(join(dir, 'none')))).rejects.toMatchObject({
    code: 'ERR_OVERLAY_NOT_FOUND',
  });
});

privileged('a stack gives what its upper changes, a renamed directory as deleted and whole', async () => {
  const scratch = scratchDirectory();
  const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => scratch.directory(name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(join(lower, 'd/sub'), { recursive: true });
  writeFileSync(join(lower, 'd/sub/f'), 'content');
  writeFileSync(join(lower, 'gone'), '');
  writeFileSync(join(lower, 'same'), '');
  {
    await using overlay = await mount({ lower, upper, work, options: { redirectDir: 'on' } });
    renameSync(join(overlay.path, 'd'), join(overlay.path, 'e'));
    execFileSync('rm', [join(overlay.path, 'gone')]);
    writeFileSync(join(overlay.path, 'e/new'), 'new');
  }
  await using stack = await openStack({ lower, upper });
  const bytes = await bytesOf(packLayer(stack, { compress: 'none' }));
  const names = readAll(bytes).map(({ name }) => name.toString());
  expect(names.filter((name) => name !== './')).toEqual([
    '.wh.d',
    'e/',
    'e/new',
    'e/sub/',
    'e/sub/f',
    '.wh.gone',
  ]);
  await expect(bytesOf(packLayer(upper))).rejects.toMatchObject({ code: 'ERR_OVERLAY_LAYER_PARTIAL' });
  await using whole = await openStack({ lower: [upper, lower] });
  const all = readAll(await bytesOf(packLayer(whole, { compress: 'none' }))).map(({ name }) =>
    name.toString(),
  );
  expect(all.filter((name) => name !== './')).toEqual(['e/', 'e/new', 'e/sub/', 'e/sub/f', 'same']);
});

privileged('umoci and skopeo read what is written, and umoci has the tree that we have', async () => {
  const scratch = scratchDirectory();
  const base = archive(
    directory('d', { uid: 3 }),
    file('d/a', 'a', { mode: 0o4711 }),
    file('gone'),
    hardlink('h', 'd/a', { mode: 0o4711 }),
  );
  const over = archive(
    directory('d', { mode: 0o700 }),
    file('d/b', 'b'),
    whiteout('.wh.gone'),
    symlink('l', 'd'),
  );
  const layers: PackedLayer[] = [];
  for (const [i, layer] of [base, over].entries()) {
    const dir = scratch.join(`layer${i}`);
    await unpackLayer(Readable.from([layer]), dir);
    layers.push(packLayer(dir));
  }
  const image = scratch.join('image');
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  await writeImage(layers, { os: 'linux', architecture, config: { Cmd: ['/bin/sh'] } }, image);
  expect(readdirSync(image).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  execFileSync('skopeo', [
    '--insecure-policy',
    'copy',
    '-q',
    `oci:${image}:latest`,
    `docker-archive:${scratch.join('saved.tar')}:x:1`,
  ]);
  execFileSync('umoci', ['unpack', '--image', `${image}:latest`, scratch.join('bundle')], { stdio: 'pipe' });
  await using read = await openImage(image);
  const ours = scratch.join('plain');
  for (const layer of read.layers)
    await unpackLayer(layer.open(), ours, { format: 'plain', diffId: layer.diffId });
  const theirs = snapshot(scratch.join('bundle/rootfs'));
  // umoci gives the root, of which no layer tells, the time of its work.
  expect(snapshot(ours).slice(1)).toEqual(theirs.slice(1));
  await expect(writeImage([], { os: 'linux', architecture }, image)).rejects.toMatchObject({
    code: 'ERR_OVERLAY_TARGET_EXISTS',
  });
  await expect(writeImage([], { os: 5 } as never, scratch.join('bad'))).rejects.toMatchObject({
    code: 'ERR_OVERLAY_IMAGE_DOCUMENT',
  });
  expect(existsSync(scratch.join('bad'))).toBe(false);
});

test('writing an image ends with its signal, also where a layer gives nothing', async () => {
  const scratch = scratchDirectory();
  const image = scratch.join('image');
  const stop = new AbortController();
  // Ended when it waits for the layer.
  const silent = new Readable({ read: () => void setTimeout(() => stop.abort(new Error('enough')), 20) });
  const layer = { digest: '', diffId: '', size: 1, mediaType: '', open: () => silent };
  const writing = writeImage([layer], { os: 'linux', architecture: 'amd64' }, image, { signal: stop.signal });
  await expect(writing).rejects.toThrow('enough');
  expect(silent.destroyed).toBe(true);
  const late = writeImage([layer], { os: 'linux', architecture: 'amd64' }, image, { signal: stop.signal });
  await expect(late).rejects.toThrow('enough');
  expect(readdirSync(scratch.path)).toEqual([]);
});
