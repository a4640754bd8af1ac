import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { openImage } from '../../lib/oci/open-image.ts';
import { unpackImage } from '../../lib/oci/unpack-image.ts';
import { writeImage } from '../../lib/oci/write-image.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { archive, directory, file } from './layer-archive.ts';

const OWN = process.geteuid!() === 0 ? {} : { rootless: true };
const FORMATS = ['plain', 'overlay'] as const;
const sha = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const LOWEST = archive(directory('d'), file('d/a', 'a'), file('gone'));
const TOP = archive(file('d/b', 'b'.repeat(100_000)), file('.wh.gone'));

async function layout() {
  const scratch = scratchDirectory();
  const layers = [LOWEST, TOP].map((bytes) => ({
    digest: sha(bytes),
    diffId: sha(bytes),
    size: bytes.length,
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    open: () => Readable.from([bytes]),
  }));
  await writeImage(layers, { os: 'linux', architecture }, scratch.join('image'));
  const blob = (bytes: Uint8Array) => join(scratch.path, 'image/blobs/sha256', sha(bytes).slice(7));
  return { scratch, blob, image: await openImage(scratch.join('image')) };
}

test.each(FORMATS)('%s: a directory with something in it stays as it is', async (format) => {
  const { scratch, image } = await layout();
  await using _ = image;
  scratch.file('full/own', 'text');
  await expect(unpackImage(image, scratch.join('full'), { format, ...OWN })).rejects.toMatchObject({
    code: 'ERR_OVERLAY_TARGET_EXISTS',
    path: scratch.join('full'),
  });
  expect(readdirSync(scratch.join('full'))).toEqual(['own']);
  await unpackImage(image, scratch.directory('empty'), { format, ...OWN });
  expect(readdirSync(scratch.join('empty'))).toEqual(format === 'plain' ? ['d'] : ['000', '001']);
});

test.each(FORMATS)('%s: a damaged layer is told to be that, whatever it looks like', async (format) => {
  const { scratch, blob, image } = await layout();
  await using _ = image;
  const bytes = readFileSync(blob(TOP));
  bytes.fill('X', 0, 10);
  writeFileSync(blob(TOP), bytes);
  await expect(unpackImage(image, scratch.join('out'), { format, ...OWN })).rejects.toMatchObject({
    code: 'ERR_OVERLAY_DIGEST_MISMATCH',
    message: expect.stringMatching(/^layer 2 of 2 has the digest /),
    path: blob(TOP),
    findings: [{}, { code: 'ERR_OVERLAY_TAR_CORRUPT' }],
  });
  expect(readdirSync(scratch.path)).toEqual(['image']);
});

test.each(FORMATS)('%s: what is wrong in a whole layer is told with its number', async (format) => {
  const { scratch, image } = await layout();
  await using _ = image;
  const options = { format, limits: { bytes: 1000 }, ...OWN };
  await expect(unpackImage(image, scratch.join('out'), options)).rejects.toMatchObject({
    code: 'ERR_OVERLAY_LAYER_LIMIT',
    message: expect.stringMatching(/^layer 2 of 2: the layer goes beyond a limit/),
  });
});

privileged('a mounted filesystem is filled, and emptied again when it has no room', async () => {
  const { image } = await layout();
  await using _ = image;
  for (const format of FORMATS) {
    using small = tmpfsMount({ size: '64k' });
    await expect(unpackImage(image, small.path, { format })).rejects.toMatchObject({
      code: 'ERR_OVERLAY_NO_SPACE',
      path: expect.stringMatching(format === 'plain' ? /\/tmpfs\/d\/b$/ : /\/tmpfs\/00[01]\/d\/[ab]$/),
    });
    expect(readdirSync(small.path)).toEqual([]);
    using large = tmpfsMount({ size: '1m' });
    await unpackImage(image, large.path, { format });
    expect(readdirSync(large.path)).toEqual(format === 'plain' ? ['d'] : ['000', '001']);
  }
});

privileged('a small file that a full disk takes in part is no I/O error', async () => {
  const { image } = await layout();
  await using _ = image;
  const scratch = scratchDirectory();
  const files = Array.from({ length: 40 }, (_, i) => file(`f${i}`, 'x'.repeat(10_000)));
  const bytes = archive(...files);
  const layer = { digest: sha(bytes), diffId: sha(bytes), size: bytes.length };
  const mediaType = 'application/vnd.oci.image.layer.v1.tar';
  const open = () => Readable.from([bytes]);
  await writeImage([{ ...layer, mediaType, open }], { os: 'linux', architecture }, scratch.join('small'));
  await using small = await openImage(scratch.join('small'));
  using disk = tmpfsMount({ size: '128k' });
  await expect(unpackImage(small, disk.path)).rejects.toMatchObject({ code: 'ERR_OVERLAY_NO_SPACE' });
});
