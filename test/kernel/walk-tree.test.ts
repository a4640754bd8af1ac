// A walk of a tree: all of it, confined, with few descriptors, and past what cannot be read.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { callSync, close } from '../../lib/kernel/call.ts';
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../lib/kernel/constants.ts';
import { placeIn, type WalkRequest, walkTree } from '../../lib/kernel/walk-tree.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const INSIDE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

async function walked(path: string, more: Partial<WalkRequest> = {}, limit = Number.POSITIVE_INFINITY) {
  const root = callSync('openat', AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
  const before = openDescriptors();
  const [places, errors, ended]: [string[], string[], string[]] = [[], [], []];
  let most = 0;
  try {
    for await (const batch of walkTree(root, { xattrs: [], resolve: INSIDE, ...more })) {
      most = Math.max(most, openDescriptors().length - before.length);
      if (batch.error !== undefined) {
        errors.push(`${batch.place} ${batch.error.code}`);
        continue;
      }
      places.push(...batch.entries.map(({ name }) => placeIn(batch.place, name)));
      if (batch.last) ended.push(batch.place);
      if (places.length >= limit) break;
    }
    return { places: places.sort(), errors, ended: ended.sort(), most };
  } finally {
    expect(openDescriptors()).toEqual(before);
    close(root);
  }
}

test('each entry once, each directory to its end, few directories open', async () => {
  const scratch = scratchDirectory();
  const expected: string[] = [];
  for (let i = 0; i < 60; i++) {
    mkdirSync(scratch.join(`${i}/sub/deep`), { recursive: true });
    writeFileSync(scratch.join(`${i}/file`), '');
    expected.push(`${i}`, `${i}/sub`, `${i}/sub/deep`, `${i}/file`);
  }
  const { places, ended, most } = await walked(scratch.path);
  expect(places).toEqual(expected.sort());
  expect(ended).toEqual(['', ...expected.filter((place) => !place.endsWith('file'))].sort());
  expect(most).toBeLessThanOrEqual(16);
});

test('a large directory comes in several batches, of which one is the last', async () => {
  const scratch = scratchDirectory();
  for (let i = 0; i < 4000; i++) scratch.file(`large/${i}`);
  const { places, ended } = await walked(scratch.path);
  expect(places).toHaveLength(4001);
  expect(ended).toEqual(['', 'large']);
});

test('links are not followed, and a root that is none is an error', async () => {
  const scratch = scratchDirectory();
  symlinkSync('/', scratch.join('link'));
  symlinkSync('.', scratch.join('self'));
  expect(await walked(scratch.path)).toMatchObject({ places: ['link', 'self'], errors: [] });
});

privileged('mounts are told of, and crossed on request', async () => {
  const scratch = scratchDirectory();
  mkdirSync(scratch.join('tree/point'), { recursive: true });
  const { path } = tmpfsMount({ scratch });
  writeFileSync(`${path}/file`, '');
  run('mount', '--bind', path, scratch.join('tree/point'));
  const tree = scratch.join('tree');
  expect(await walked(tree)).toMatchObject({ places: ['point'], errors: ['point EXDEV'] });
  const crossing = { resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
  expect(await walked(tree, crossing)).toMatchObject({ places: ['point', 'point/file'], errors: [] });
  run('umount', scratch.join('tree/point'));
});

test('leaves no descriptor when the caller leaves or the signal comes', async () => {
  const scratch = scratchDirectory();
  for (let i = 0; i < 40; i++) scratch.file(`${i}/file`);
  expect((await walked(scratch.path, {}, 45)).places.length).toBeGreaterThanOrEqual(45);
  const reason = new Error('enough');
  await expect(walked(scratch.path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
