import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MEDIA_TYPES } from '../../lib/format/oci/media-type.ts';
import { openImage } from '../../lib/oci/open-image.ts';
import { unpackImage } from '../../lib/oci/unpack-image.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { archive, file, symlink } from './layer-archive.ts';

const layer = archive(file('hello', 'world'));
const packed = gzipSync(layer);
const sha = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}
const HERE: Platform = { os: 'linux', architecture: process.arch };

const configOf = (platform: Platform): Buffer =>
  json({ ...platform, rootfs: { type: 'layers', diff_ids: [sha(layer)] } });

/** An OCI layout in a directory, with an image for each platform. */
class Layout {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(join(dir, 'blobs/sha256'), { recursive: true });
    writeFileSync(join(dir, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }
  blob(bytes: Buffer, mediaType: string, more: object = {}) {
    writeFileSync(join(this.dir, 'blobs/sha256', sha(bytes).slice(7)), bytes);
    return { mediaType, digest: sha(bytes), size: bytes.length, ...more };
  }
  image(platform: Platform, more: object = {}) {
    const manifest = json({
      schemaVersion: 2,
      config: this.blob(configOf(platform), MEDIA_TYPES.config),
      layers: [this.blob(packed, MEDIA_TYPES.layer.gzip)],
    });
    return this.blob(manifest, MEDIA_TYPES.manifest, { platform, ...more });
  }
  index(...manifests: object[]) {
    writeFileSync(join(this.dir, 'index.json'), json({ schemaVersion: 2, manifests }));
    return this.dir;
  }
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function tarOf(dir: string): string {
  execFileSync('tar', ['-C', dir, '-cf', `${dir}.tar`, '.']);
  return `${dir}.tar`;
}

function layout(): Layout {
  return new Layout(scratchDirectory().join('image'));
}

describe.each([
  ['a layout', (dir: string) => dir],
  ['an archive of a layout', tarOf],
])('%s', (_, form) => {
  test('its documents and layers', async () => {
    const made = layout();
    await using image = await openImage(form(made.index(made.image(HERE))));
    expect(image.config.rootfs.diff_ids).toEqual([sha(layer)]);
    expect(image.manifest.layers.length).toBe(1);
    const [only] = image.layers;
    expect(only).toMatchObject({
      digest: sha(packed),
      diffId: sha(layer),
      size: packed.length,
      mediaType: MEDIA_TYPES.layer.gzip,
    });
    expect(await bytesOf(only!.open())).toEqual(packed);
    expect(await bytesOf(only!.open())).toEqual(packed);
  });

  test('a layer with another digest or size', async () => {
    for (const change of [
      (bytes: Buffer) => bytes.fill(7, 5, 6),
      (bytes: Buffer) => bytes.subarray(1),
      (bytes: Buffer) => Buffer.concat([bytes, bytes]),
    ]) {
      const made = layout();
      const dir = made.index(made.image(HERE));
      writeFileSync(join(dir, 'blobs/sha256', sha(packed).slice(7)), change(Buffer.from(packed)));
      await using image = await openImage(form(dir));
      await expect(bytesOf(image.layers[0]!.open())).rejects.toMatchObject({
        code: 'ERR_OVERLAY_DIGEST_MISMATCH',
      });
    }
  });

  test('a missing blob', async () => {
    const made = layout();
    const dir = made.index(made.image(HERE));
    renameSync(join(dir, 'blobs/sha256', sha(configOf(HERE)).slice(7)), join(dir, 'elsewhere'));
    await expect(openImage(form(dir))).rejects.toMatchObject({ code: 'ERR_OVERLAY_NOT_FOUND' });
  });
});

test('platforms, in an index in the index too', async () => {
  const made = layout();
  const arm = made.image({ os: 'linux', architecture: 'arm', variant: 'v7' });
  const arm64 = made.image({ os: 'linux', architecture: 'arm64' });
  const inner = json({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: [arm, arm64, made.image(HERE)],
  });
  const dir = made.index(made.blob(inner, MEDIA_TYPES.index));
  const architecture = async (platform?: string): Promise<string> => {
    await using image = await openImage(dir, platform === undefined ? {} : { platform });
    return image.config.architecture;
  };
  expect(await architecture()).toBe(HERE.architecture);
  expect(await architecture('linux/arm64')).toBe('arm64');
  expect(await architecture('linux/arm/v7')).toBe('arm');
  await expect(architecture('linux/riscv64')).rejects.toMatchObject({
    code: 'ERR_OVERLAY_IMAGE_PLATFORM',
    hint: expect.stringContaining('linux/arm64'),
  });
});

test('several names', async () => {
  const made = layout();
  const name = (text: string) => ({ annotations: { 'org.opencontainers.image.ref.name': text } });
  const other = { ...HERE, author: 'another' };
  const dir = made.index(made.image(HERE, name('one')), made.image(other, name('two')));
  await expect(openImage(dir)).rejects.toMatchObject({
    code: 'ERR_OVERLAY_IMAGE_NAME',
    hint: expect.stringContaining('one, two'),
  });
  await expect(openImage(dir, { name: 'three' })).rejects.toMatchObject({ code: 'ERR_OVERLAY_IMAGE_NAME' });
  await using image = await openImage(dir, { name: 'two' });
  expect(image.config).toMatchObject({ author: 'another' });
});

test.each([
  ['plain layers', layer, MEDIA_TYPES.layer.none],
  ['compressed layers', packed, MEDIA_TYPES.layer.gzip],
])('docker save: %s, and one twice by a link', async (_, bytes, mediaType) => {
  const config = json({ ...HERE, rootfs: { type: 'layers', diff_ids: [sha(layer), sha(layer)] } });
  const saved = archive(
    file('a/layer.tar', '', { content: bytes }),
    symlink('b/layer.tar', '../a/layer.tar'),
    file('config.json', '', { content: config }),
    file('manifest.json', '', {
      content: json([{ Config: 'config.json', RepoTags: ['x:1'], Layers: ['a/layer.tar', 'b/layer.tar'] }]),
    }),
  );
  const path = scratchDirectory().file('saved.tar', saved);
  for (const name of [undefined, 'x:1']) {
    await using image = await openImage(path, name === undefined ? {} : { name });
    expect(image.layers.map((one) => one.mediaType)).toEqual([mediaType, mediaType]);
    for (const one of image.layers) {
      expect(one).toMatchObject({ digest: sha(bytes), diffId: sha(layer), size: bytes.length });
      expect(await bytesOf(one.open())).toEqual(bytes);
    }
  }
  await expect(openImage(path, { name: 'y' })).rejects.toMatchObject({ code: 'ERR_OVERLAY_IMAGE_NAME' });
});

test('what is no image', async () => {
  const scratch = scratchDirectory();
  const code = async (path: string) =>
    await openImage(path).then(
      () => 'opened',
      (error) => error.code,
    );
  expect(await code(scratch.join('nothing'))).toBe('ERR_OVERLAY_NOT_FOUND');
  expect(await code(scratch.directory('empty'))).toBe('ERR_OVERLAY_NO_IMAGE');
  expect(await code(scratch.file('x.tar', archive(file('x'))))).toBe('ERR_OVERLAY_NO_IMAGE');
  expect(await code(scratch.file('x.tgz', packed))).toBe('ERR_OVERLAY_IMAGE_COMPRESSED');
  expect(await code(scratch.file('text', 'x'.repeat(2000)))).toBe('ERR_OVERLAY_NO_IMAGE');
  expect(await code('/dev/null')).toBe('ERR_OVERLAY_NO_IMAGE');
  const cut = archive(file('x', 'y'.repeat(2000))).subarray(0, 1500);
  await expect(openImage(scratch.file('cut.tar', cut))).rejects.toMatchObject({
    code: 'ERR_OVERLAY_TAR_TRUNCATED',
    path: scratch.join('cut.tar'),
    message: expect.stringContaining(scratch.join('cut.tar')),
  });
  scratch.file('dir/version', 'Directory Transport Version: 1.1\n');
  scratch.file('dir/manifest.json', '{"schemaVersion":2}');
  await expect(openImage(scratch.join('dir'))).rejects.toMatchObject({
    code: 'ERR_OVERLAY_NO_IMAGE',
    message: expect.stringContaining('skopeo'),
  });
  const made = new Layout(scratch.join('broken'));
  writeFileSync(join(made.dir, 'index.json'), '{');
  expect(await code(made.dir)).toBe('ERR_OVERLAY_IMAGE_DOCUMENT');
});

test.each([
  ['zstd', MEDIA_TYPES.layer.zstd],
  ['no compression', MEDIA_TYPES.layer.none],
])('a media type that lies of %s: the bytes say what they are', async (_, mediaType) => {
  const made = layout();
  const manifest = json({
    schemaVersion: 2,
    config: made.blob(configOf(HERE), MEDIA_TYPES.config),
    layers: [made.blob(packed, mediaType)],
  });
  await using image = await openImage(made.index(made.blob(manifest, MEDIA_TYPES.manifest)));
  const dir = scratchDirectory().join('tree');
  await unpackImage(image, dir, process.geteuid!() === 0 ? {} : { rootless: true });
  expect(readFileSync(join(dir, 'hello'), 'utf8')).toBe('world');
});

test.each([
  ['of a layer', { layer: 'application/x-tar' }],
  ['of the config', { config: 'text/plain' }],
  ['of the manifest', { manifest: 'application/json' }],
])('an unknown media type %s is refused', async (_, types: Record<string, string>) => {
  const made = layout();
  const manifest = json({
    schemaVersion: 2,
    config: made.blob(configOf(HERE), types.config ?? MEDIA_TYPES.config),
    layers: [made.blob(packed, types.layer ?? MEDIA_TYPES.layer.gzip)],
  });
  const dir = made.index(made.blob(manifest, types.manifest ?? MEDIA_TYPES.manifest));
  await expect(openImage(dir)).rejects.toMatchObject({
    code: 'ERR_OVERLAY_IMAGE_MEDIA_TYPE',
    hint: expect.stringMatching(/.+/),
  });
});

test('an image that skopeo wrote', async () => {
  const made = layout();
  const dir = made.index(made.image({ os: 'linux', architecture: 'amd64' }));
  for (const target of [`oci:${dir}-oci:latest`, `docker-archive:${dir}.tar:x:latest`]) {
    execFileSync('skopeo', ['--override-arch', 'amd64', '--insecure-policy', 'copy', `oci:${dir}`, target]);
    await using image = await openImage(target.split(':')[1]!);
    expect(image.layers.map(({ diffId }) => diffId)).toEqual([sha(layer)]);
  }
  expect(readFileSync(join(dir, 'oci-layout'), 'utf8')).toContain('1.0.0');
});
