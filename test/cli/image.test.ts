import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { Inspection } from '../../lib/oci/index.ts';
import { writeImage } from '../../lib/oci/write-image.ts';
import { archive, directory, file } from '../oci/layer-archive.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs } from './run-program.ts';

const sha = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const ARCHIVES = [
  archive(directory('d'), file('d/a', 'a'.repeat(50)), file('kept', 'k')),
  archive(file('.wh.d'), file('kept', 'k', { mode: 0o600 })),
];

async function layout() {
  const scratch = scratchDirectory();
  const layers = ARCHIVES.map((bytes) => {
    const mediaType = 'application/vnd.oci.image.layer.v1.tar';
    return {
      digest: sha(bytes),
      diffId: sha(bytes),
      size: bytes.length,
      mediaType,
      open: () => Readable.from([bytes]),
    };
  });
  await writeImage(layers, { os: 'linux', architecture }, scratch.join('image'));
  return scratch;
}

test('layers, the worst paths, and one line of progress where nobody watches', async () => {
  const scratch = await layout();
  const { status, stdout, stderr } = overlayfs(['image', 'inspect', scratch.join('image')]);
  expect(status).toBe(0);
  expect(stderr).toMatch(/^2 layers \(.*\): 2 read\n$/);
  expect(stdout).toBe(`2 layers, 6.0 KiB packed; 1 path with 1 B in files
efficiency 1.9 %: of 52 B in the layers 51 B are not seen in the end

layer   packed  unpacked     added  changed   deleted  not seen
    0  3.5 KiB   3.5 KiB  3 (51 B)        -         -      51 B
    1  2.5 KiB   2.5 KiB         -  1 (1 B)  2 (50 B)         -

not seen  files  path  of layers  hidden by  why
    50 B      1  d     0          1          deleted
     1 B      1  kept  0          1          overwritten with the same content
`);
});

test('the same of an archive of the layout and of docker save, as JSON', async () => {
  const scratch = await layout();
  const tar = (to: string, from: string) =>
    spawnSync('tar', ['-cf', scratch.join(to), '-C', scratch.join(from), '.']);
  tar('image.tar', 'image');
  const config = JSON.stringify({
    os: 'linux',
    architecture,
    rootfs: { type: 'layers', diff_ids: ARCHIVES.map(sha) },
  });
  const saved = scratch.join('saved');
  mkdirSync(saved);
  ARCHIVES.forEach((bytes, i) => {
    writeFileSync(`${saved}/${i}.tar`, bytes);
  });
  writeFileSync(`${saved}/config.json`, config);
  const manifest = [{ Config: 'config.json', RepoTags: ['a:1'], Layers: ['0.tar', '1.tar'] }];
  writeFileSync(`${saved}/manifest.json`, JSON.stringify(manifest));
  tar('saved.tar', 'saved');
  const results = ['image', 'image.tar', 'saved.tar'].map((name) => {
    const { stdout } = overlayfs(['image', 'inspect', '--json', scratch.join(name)]);
    const { layers, ...rest } = JSON.parse(stdout) as Inspection;
    return { ...rest, layers: layers.map(({ diffId, changes, wasted }) => ({ diffId, changes, wasted })) };
  });
  expect(results[0]).toMatchObject({ bytes: 52, wasted: 51, layers: [{ wasted: 51 }, { wasted: 0 }] });
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test('one layer, path by path', async () => {
  const scratch = await layout();
  const { stdout } = overlayfs(['image', 'inspect', '--layer', '1', scratch.join('image')]);
  expect(stdout).toBe('- d/  2 paths, 50 B\n~ kept  1 B\n');
});

test('wrong words, and a layer that is not what it should be', async () => {
  const scratch = await layout();
  const image = scratch.join('image');
  const wrong = [
    ['image', 'inspekt', image],
    ['image', 'inspect'],
    ['image', 'inspect', '--layer', '2', image],
    ['image', 'inspect', '--top', 'x', image],
  ];
  expect(wrong.map((args) => overlayfs(args).status)).toEqual([2, 2, 2, 2]);
  expect(overlayfs(['image', 'inspect', scratch.join('nothing')])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_OVERLAY_NOT_FOUND'),
  });
  const [low, high] = ARCHIVES.map((bytes) => `${image}/blobs/sha256/${sha(bytes).slice(7)}`);
  renameSync(low!, `${image}/aside`);
  renameSync(high!, low!);
  const { status, stderr } = overlayfs(['image', 'inspect', image]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^overlayfs: layer [12] of 2 (is not there|has \d+ bytes)/);
});
