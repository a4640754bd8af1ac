import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { layersAt, layersAtSync, mountSync } from '../../lib/index.ts';
import { openStack } from '../../lib/layer/index.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

function mounted() {
  const scratch = scratchDirectory();
  const layers = scratch.layers({ lower: 2 });
  mkdirSync(`${layers.lower[0]}/a`);
  writeFileSync(`${layers.lower[0]}/a/f`, 'x');
  mountSync(layers);
  return { scratch, ...layers };
}

privileged('a path in the overlay: its mount, and its place from the root', async () => {
  const { target, lower, upper } = mounted();
  const expected = { lower, upper, target };
  for (const [path, place] of [
    [target, '.'],
    [`${target}//a/`, 'a'],
    [`${target}/a/f`, 'a/f'],
    [Buffer.from(`${target}/a/f`), 'a/f'],
  ] as const) {
    expect(await layersAt(path)).toMatchObject({ mount: expected, path: place });
    expect(layersAtSync(path)).toEqual(await layersAt(path));
  }
});
privileged('what was deleted has a place, and so has what never was', async () => {
  const { target } = mounted();
  rmSync(`${target}/a`, { recursive: true });
  const { mount, path } = await layersAt(`${target}/a/f`);
  expect(path).toBe('a/f');
  await using stack = await openStack(mount);
  const found = await stack.lookup(path);
  expect(found.entry).toBeUndefined();
  expect(found.layers[1]).toMatchObject({ role: 'hidden', hiddenBy: { why: 'whiteout', place: 'a' } });
  expect((await layersAt(Buffer.from(`${target}/\xff/b`, 'latin1'))).path).toEqual(
    Buffer.from('\xff/b', 'latin1'),
  );
});
privileged('a link at the end is not followed, one on the way is', async () => {
  const { scratch, target } = mounted();
  symlinkSync('a', `${target}/link`);
  symlinkSync(target, scratch.join('to'));
  expect((await layersAt(`${target}/link`)).path).toBe('link');
  expect((await layersAt(scratch.join('to/link/f'))).path).toBe('a/f');
});
privileged('a bind mount of a part: the place is from the root of the overlay', async () => {
  const { scratch, target } = mounted();
  mkdirSync(scratch.join('bound'));
  run('mount', '--bind', `${target}/a`, scratch.join('bound'));
  expect((await layersAt(scratch.join('bound/f'))).path).toBe('a/f');
  expect((await layersAt(scratch.join('bound'))).path).toBe('a');
});
test('elsewhere: an error that says so', async () => {
  await expect(layersAt('/proc/self')).rejects.toMatchObject({
    code: 'ERR_OVERLAY_NOT_IN_OVERLAY',
    option: 'target',
    path: '/proc/self',
  });
  await expect(layersAt(7 as never)).rejects.toMatchObject({ code: 'ERR_OVERLAY_INVALID_TYPE' });
});
