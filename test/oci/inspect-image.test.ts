import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { lstat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { mount } from '../../lib/index.ts';
import { inspectImage } from '../../lib/oci/inspect-image.ts';
import { openImage } from '../../lib/oci/open-image.ts';
import { unpackImage } from '../../lib/oci/unpack-image.ts';
import { writeImage } from '../../lib/oci/write-image.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { archive, directory, entry, file, hardlink, symlink } from './layer-archive.ts';

const sha = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;

/** An image of archives, the bottom one first. */
async function imageOf(archives: readonly Buffer[], history: readonly object[] = []) {
  const scratch = scratchDirectory();
  const layers = archives.map((bytes) => {
    const packed = gzipSync(bytes);
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
    const open = () => Readable.from([packed]);
    return { digest: sha(packed), diffId: sha(bytes), size: packed.length, mediaType, open };
  });
  await writeImage(layers, { os: 'linux', architecture: ARCHITECTURE, history }, scratch.join('image'));
  return { scratch, image: await openImage(scratch.join('image')) };
}

const LOWEST = archive(
  directory('bin'),
  file('bin/sh', 's'.repeat(100)),
  hardlink('bin/bash', 'bin/sh'),
  directory('cache'),
  directory('cache/apt'),
  file('cache/apt/a', 'a'.repeat(10)),
  file('cache/apt/b', 'b'.repeat(20)),
  directory('data'),
  file('data/old', 'o'.repeat(40)),
  file('data/same', 'm'.repeat(80)),
  file('etc/passwd', 'p'.repeat(160)),
  file('log', 'l'.repeat(320)),
  symlink('link', 'log'),
);
const MIDDLE = archive(
  directory('bin'),
  // One of two names goes: what it holds stays.
  file('bin/.wh.sh'),
  file('cache/.wh.apt'),
  file('nowhere/.wh.nothing'),
  file('etc/passwd', 'p'.repeat(160), { mode: 0o600 }),
  file('log', 'L'.repeat(640)),
  file('new', 'n'.repeat(5)),
  hardlink('new too', 'new'),
);
const TOP = archive(
  file('data/.wh..wh..opq'),
  file('data/same', 'm'.repeat(80)),
  file('bin/.wh.bash'),
  // A directory comes in the place of a link.
  directory('link'),
  file('link/in', 'i'.repeat(7)),
  file('log', 'x', {}),
);

test('each layer by hand: what comes, changes and goes, and what nobody sees', async () => {
  const { image } = await imageOf([LOWEST, MIDDLE, TOP]);
  await using _ = image;
  const { layers, waste, ...whole } = await inspectImage(image);
  expect(layers).toMatchObject([
    {
      bytes: 730,
      entries: 13,
      added: { paths: 14, bytes: 730 },
      modified: { paths: 0 },
      deleted: { paths: 0 },
    },
    {
      bytes: 805,
      added: { paths: 2, bytes: 5 },
      modified: { paths: 2, bytes: 800 },
      // bin/sh, cache/apt, a, b.
      deleted: { paths: 4, bytes: 30 },
      unchanged: { paths: 1, bytes: 0 },
    },
    {
      bytes: 88,
      added: { paths: 1, bytes: 7 },
      modified: { paths: 2, bytes: 1 },
      // data/old, bin/bash.
      deleted: { paths: 2, bytes: 140 },
      unchanged: { paths: 1, bytes: 80 },
    },
  ]);
  // sh 100, apt 30, old 40, same 80, passwd 160, log 320; log 640.
  expect(layers.map(({ wasted }) => wasted)).toEqual([730, 640, 0]);
  expect(whole).toEqual({
    size: image.layers.reduce((sum, { size }) => sum + size, 0),
    bytes: 1623,
    wasted: 1370,
    efficiency: 253 / 1623,
    // bin, cache, data, data/same, etc, etc/passwd, log, link, link/in, new, new too.
    tree: { paths: 11, bytes: 253 },
  });
  const no = { sameContent: 0 };
  expect(waste).toEqual([
    { path: 'log', bytes: 960, files: 2, ...no, why: ['overwritten'], carriedBy: [0, 1], hiddenBy: [1, 2] },
    {
      path: 'etc/passwd',
      bytes: 160,
      files: 1,
      sameContent: 160,
      why: ['overwritten'],
      carriedBy: [0],
      hiddenBy: [1],
    },
    // The last name of what bin/sh was another one of.
    { path: 'bin/bash', bytes: 100, files: 1, ...no, why: ['deleted'], carriedBy: [0], hiddenBy: [2] },
    {
      path: 'data/same',
      bytes: 80,
      files: 1,
      sameContent: 80,
      why: ['overwritten'],
      carriedBy: [0],
      hiddenBy: [2],
    },
    { path: 'data', bytes: 40, files: 1, ...no, why: ['opaque'], carriedBy: [0], hiddenBy: [2] },
    { path: 'cache/apt', bytes: 30, files: 2, ...no, why: ['deleted'], carriedBy: [0], hiddenBy: [1] },
  ]);
});

test('the changes of a layer, directories that come or go as one', async () => {
  const { image } = await imageOf([LOWEST, MIDDLE, TOP]);
  await using _ = image;
  const { layers } = await inspectImage(image);
  const told = layers.map(({ changes }) =>
    changes.map(({ kind, path, type, paths, bytes }) => `${kind} ${type} ${path}: ${paths}, ${bytes}`),
  );
  expect(told).toEqual([
    [
      'added directory bin: 3, 100',
      'added directory cache: 4, 30',
      'added directory data: 3, 120',
      'added directory etc: 2, 160',
      'added symlink link: 1, 0',
      'added file log: 1, 320',
    ],
    [
      'deleted file bin/sh: 1, 0',
      'deleted directory cache/apt: 3, 30',
      'modified file etc/passwd: 1, 160',
      'modified file log: 1, 640',
      'added file new: 1, 5',
      'added file new too: 1, 0',
    ],
    [
      'deleted file bin/bash: 1, 100',
      'deleted file data/old: 1, 40',
      'modified directory link: 1, 0',
      'added file link/in: 1, 7',
      'modified file log: 1, 1',
    ],
  ]);
});

test('odd layers: entries of one name, a link to a lower layer, leftovers of AUFS, holes, names of any bytes', async () => {
  const { image } = await imageOf([
    archive(
      file('twice', '1'),
      file('twice', '22'),
      directory('gone'),
      file('gone/in', '333'),
      file('gone', '4444'),
      file('.wh..wh.plnk/1.2', '55555'),
      hardlink('of plnk', '.wh..wh.plnk/1.2'),
      file('.wh..wh.plnk/3.4', '666666'),
      file('\xff', '7'),
    ),
    archive(
      hardlink('of below', 'twice'),
      file('.wh.twice'),
      entry('null', { type: 'character', device: { major: 0, minor: 0 } }),
    ),
    archive(file('.wh..wh..opq')),
  ]);
  await using _ = image;
  const { layers, bytes, wasted, tree, waste } = await inspectImage(image);
  expect(layers.map((layer) => [layer.bytes, layer.wasted])).toEqual([
    [22, 22],
    [0, 0],
    [0, 0],
  ]);
  expect({ bytes, wasted, tree }).toEqual({ bytes: 22, wasted: 22, tree: { paths: 0, bytes: 0 } });
  expect(layers[1]).toMatchObject({ added: { paths: 1, bytes: 0 }, deleted: { paths: 1, bytes: 0 } });
  expect(layers[2]!.deleted).toEqual({ paths: 4, bytes: 12 });
  expect(waste.map((row) => [String(row.path), row.bytes, ...row.why])).toEqual([
    ['.', 12, 'opaque'],
    ['.wh..wh.plnk/3.4', 6, 'leftover'],
    ['gone', 3, 'overwritten'],
    ['twice', 1, 'overwritten'],
  ]);
  expect(layers[0]!.changes.at(-1)!.path).toEqual(Buffer.from([0xff]));
});

test('steps of the config, if it tells of each layer', async () => {
  const layers = [archive(file('a')), archive(file('b'))];
  const history = [{ created_by: 'ADD' }, { created_by: 'ENV', empty_layer: true }, { created_by: 'RUN' }];
  const { image } = await imageOf(layers, history);
  await using _ = image;
  expect((await inspectImage(image)).layers.map(({ createdBy }) => createdBy)).toEqual(['ADD', 'RUN']);
  const { image: other } = await imageOf(layers, history.slice(0, 2));
  await using __ = other;
  expect((await inspectImage(other)).layers.map(({ createdBy }) => createdBy)).toEqual([
    undefined,
    undefined,
  ]);
});

/** Bytes of files below a directory, those of several names once; and the number of paths. */
async function measured(root: string) {
  const seen = new Map<string, number>();
  const paths = readdirSync(root, { recursive: true }).map(String);
  for (const path of paths) {
    const found = await lstat(join(root, path), { bigint: true });
    if (found.isFile()) seen.set(`${found.dev} ${found.ino}`, Number(found.size));
  }
  return { paths: paths.length, bytes: [...seen.values()].reduce((sum, size) => sum + size, 0) };
}

privileged('what is not wasted is what a container sees: the mounted tree', async () => {
  const { scratch, image } = await imageOf([LOWEST, MIDDLE, TOP]);
  await using _ = image;
  await unpackImage(image, scratch.join('layers'), { format: 'overlay' });
  const lower = readdirSync(scratch.join('layers')).sort().reverse();
  await using view = await mount({ lower: lower.map((name) => scratch.join(`layers/${name}`)) });
  expect((await inspectImage(image)).tree).toEqual(await measured(view.path));
});

test('digests and diff IDs are checked, and the first failure ends the others', async () => {
  const { scratch, image } = await imageOf([LOWEST, MIDDLE, TOP]);
  await using _ = image;
  const wrong = {
    ...image,
    layers: image.layers.map((layer, i) => (i === 1 ? { ...layer, diffId: image.layers[0]!.diffId } : layer)),
  };
  await expect(inspectImage(wrong)).rejects.toMatchObject({
    code: 'ERR_OVERLAY_DIGEST_MISMATCH',
    message: expect.stringMatching(/^layer 2 of 3: the layer without its compression has the digest sha256:/),
  });
  const blob = join(scratch.join('image'), 'blobs/sha256', image.layers[2]!.digest.slice(7));
  await writeFile(blob, gzipSync(archive(file('evil'))));
  await expect(inspectImage(image)).rejects.toMatchObject({
    code: 'ERR_OVERLAY_DIGEST_MISMATCH',
    path: blob,
  });
});

test('progress, limits and the end by a signal', async () => {
  const { image } = await imageOf([LOWEST, MIDDLE]);
  await using _ = image;
  const done: number[] = [];
  await inspectImage(image, {
    onProgress: ({ layer, read, done: last }) => {
      if (last) done.push(layer, read);
    },
  });
  expect(new Set(done)).toEqual(new Set([0, image.layers[0]!.size, 1, image.layers[1]!.size]));
  await expect(inspectImage(image, { limits: { entries: 8 } })).rejects.toMatchObject({
    code: 'ERR_OVERLAY_LAYER_LIMIT',
    message: expect.stringContaining('layer 1 of 2'),
  });
  const reason = new Error('enough');
  await expect(inspectImage(image, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const later = new AbortController();
  const ended = inspectImage(image, { signal: later.signal, onProgress: () => later.abort(reason) });
  await expect(ended).rejects.toBe(reason);
  await expect(inspectImage(image, { limit: {} } as object)).rejects.toMatchObject({
    code: 'ERR_OVERLAY_UNKNOWN_OPTION',
  });
});
