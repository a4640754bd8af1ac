import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { packLayer } from '../../lib/oci/pack-layer.ts';
import { unpackLayer } from '../../lib/oci/unpack-layer.ts';
import { writeImage } from '../../lib/oci/write-image.ts';
import { archive, directory, file } from '../oci/layer-archive.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { endlessImage, interrupted } from './endless-image.ts';
import { overlayfs } from './run-program.ts';

const OWN = process.geteuid!() === 0 ? {} : ({ rootless: true } as const);
const FLAGS = process.geteuid!() === 0 ? [] : ['--rootless'];

async function image() {
  const scratch = scratchDirectory();
  const layers = [];
  const archives = [
    archive(directory('d'), file('d/a', 'a'), file('gone')),
    archive(file('d/b', 'b'), file('.wh.gone')),
  ];
  for (const [i, bytes] of archives.entries()) {
    await unpackLayer(Readable.from([bytes]), scratch.join(`l${i}`), OWN);
    layers.push(packLayer(scratch.join(`l${i}`), OWN));
  }
  await writeImage(
    layers,
    { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch },
    scratch.join('image'),
  );
  return scratch;
}

test('the files of an image, or each of its layers', async () => {
  const scratch = await image();
  const plain = overlayfs(['unpack', ...FLAGS, '--json', scratch.join('image'), scratch.join('plain')]);
  expect(plain).toMatchObject({ status: 0, stderr: expect.stringMatching(/^2 layers .*: 2 unpacked/) });
  expect(JSON.parse(plain.stdout)).toMatchObject([{ entries: 3 }, { entries: 3 }]);
  expect(readdirSync(scratch.join('plain'), { recursive: true }).map(String).toSorted()).toEqual([
    'd',
    'd/a',
    'd/b',
  ]);
  const each = overlayfs(['unpack', ...FLAGS, '--layers', scratch.join('image'), scratch.join('each')]);
  expect(each.status).toBe(0);
  expect(readdirSync(scratch.join('each')).toSorted()).toEqual(['000', '001']);
  expect(readdirSync(scratch.join('each/001')).toSorted()).toEqual(['d', 'gone']);
  expect(readFileSync(join(scratch.path, 'each/000/d/a'), 'utf8')).toBe('a');
});

test('failures leave nothing', async () => {
  const scratch = await image();
  const args = [scratch.join('image'), scratch.join('out')];
  const arm = overlayfs(['unpack', '--platform', 'linux/riscv64', ...args]);
  expect(arm).toMatchObject({ status: 1, stderr: expect.stringContaining('ERR_OVERLAY_IMAGE_PLATFORM') });
  expect(overlayfs(['unpack', scratch.join('image')]).status).toBe(2);
  expect(readdirSync(scratch.path)).not.toContain('out');
});

test.each(['SIGINT', 'SIGTERM'] as const)('an end by %s leaves nothing', async (signal) => {
  const scratch = scratchDirectory();
  const image = endlessImage(scratch.join('image'));
  const place = scratch.directory('place');
  for (const flags of [FLAGS, ['--layers', ...FLAGS]]) {
    const args = ['unpack', ...flags, image, join(place, 'out')];
    expect(await interrupted(args, place, signal)).toEqual({ code: null, signal, stderr: '' });
    expect(readdirSync(place)).toEqual([]);
  }
});
