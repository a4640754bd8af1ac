import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { isOpaque, isWhiteout } from '../../lib/layer/index.ts';
import { mount } from '../../lib/mount/mount.ts';
import { unpackLayer } from '../../lib/oci/unpack-layer.ts';
import type { UnpackOptions } from '../../lib/oci/unpack-options.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { xattrsOf } from '../support/xattr.ts';
import { archive, directory, file, hardlink, symlink, TIME } from './layer-archive.ts';

const ROOT = process.geteuid!() === 0;
const OWN: UnpackOptions = ROOT ? {} : { rootless: true };
const userxattr = !ROOT;

const base = archive(
  directory('d', { mode: 0o750, mtime: 5n, xattrs: { 'user.x': 'of d' } }),
  file('d/a', 'a'),
  file('d/b', 'b'),
  directory('d/sub'),
  file('d/sub/x'),
  file('gone', 'g'),
  file('keep', 'k'),
);

/** The base and a layer over it, each in a directory. */
async function two(upper: Buffer, options: UnpackOptions = {}) {
  const scratch = scratchDirectory();
  const [below, above] = [scratch.join('0'), scratch.join('1')];
  await unpackLayer(Readable.from([base]), below, { ...OWN, lowers: [], ...options });
  const result = await unpackLayer(Readable.from([upper]), above, { ...OWN, lowers: [below], ...options });
  return { below, above, result };
}

async function names(lower: readonly string[], options: object = {}): Promise<string[]> {
  await using overlay = await mount({ lower, ...options });
  return readdirSync(overlay.path, { recursive: true }).map(String).toSorted();
}

test.each(['device', 'xattr'] as const)('a deletion as %s', async (whiteouts) => {
  const { above } = await two(archive(file('d/.wh.a'), file('.wh.gone')), { whiteouts });
  expect(await isWhiteout(join(above, 'd/a'), { userxattr })).toBe(true);
  expect(lstatSync(join(above, 'gone')).isCharacterDevice()).toBe(whiteouts === 'device');
});

test('an opaque directory, and one that was deleted and made again, in any order', async () => {
  for (const flip of [false, true]) {
    const entries = [file('d/.wh..wh..opq'), directory('d', { mode: 0o700 }), file('d/.wh.a'), file('d/new')];
    const { above, result } = await two(archive(...(flip ? entries.toReversed() : entries)));
    expect(await isOpaque(join(above, 'd'), { userxattr })).toBe(true);
    expect(readdirSync(join(above, 'd'))).toEqual(['new']);
    expect(result.dropped).toEqual([
      { path: 'd/a', what: 'whiteout', why: expect.stringContaining('hides') },
    ]);
    const again = await two(archive(...[file('.wh.d'), file('d/new')].toSorted(() => (flip ? 1 : -1))));
    expect(await isOpaque(join(again.above, 'd'), { userxattr })).toBe(true);
  }
});

test('a deletion in a directory that no layer below has is left out', async () => {
  const { above, result } = await two(archive(file('nosuch/.wh.x'), directory('new'), file('new/.wh.y')));
  expect(readdirSync(above, { recursive: true })).toEqual(['new']);
  expect(result.dropped.map(({ path, what }) => [path, what])).toEqual([
    ['nosuch/x', 'whiteout'],
    ['new/y', 'whiteout'],
  ]);
});

test('a deletion that is said twice, also by another way, is one', async () => {
  const again = [file('.wh.gone'), file('.wh.gone'), directory('d'), symlink('link', 'd')];
  const { above } = await two(archive(...again, file('link/.wh.a'), file('d/.wh.a')));
  expect(readdirSync(above).toSorted()).toEqual(['d', 'gone', 'link']);
  expect(readdirSync(join(above, 'd'))).toEqual(['a']);
  expect(await isWhiteout(join(above, 'd/a'), { userxattr })).toBe(true);
  const { above: inside, result } = await two(archive(file('.wh.d'), file('d/.wh.a'), file('d/sub/.wh.x')));
  expect(await isWhiteout(join(inside, 'd'), { userxattr })).toBe(true);
  expect(result.dropped.map(({ path }) => path)).toEqual(['d/a', 'd/sub/x']);
  // The link is one to what no layer below has.
  const { above: astray } = await two(archive(symlink('d', 'nowhere'), file('d/.wh.a')));
  expect(readdirSync(astray)).toEqual(['d']);
});

test('a parent without an entry is as it is below', async () => {
  const { above } = await two(archive(file('d/new')));
  expect(statSync(join(above, 'd'), { bigint: true })).toMatchObject({ mode: 0o40750n, mtimeNs: 5n });
  expect(xattrsOf(join(above, 'd'))['user.x']).toBe('of d');
});

test('a hard link to a file below brings it up', async () => {
  const { above } = await two(archive(hardlink('other', 'd/a')));
  expect(readFileSync(join(above, 'other'), 'utf8')).toBe('a');
  expect(lstatSync(join(above, 'd/a')).ino).toBe(lstatSync(join(above, 'other')).ino);
  expect(lstatSync(join(above, 'other'), { bigint: true }).mtimeNs).toBe(TIME);
});

test('what came up for a link alone is deleted with what is below, whatever the order', async () => {
  const link = hardlink('other', 'd/a');
  const deletions = [file('d/.wh.a'), file('.wh.d'), file('d/.wh..wh..opq'), file('.wh..wh..opq')];
  for (const deletion of deletions) {
    for (const entries of [
      [link, deletion],
      [deletion, link],
    ]) {
      const { above } = await two(archive(...entries));
      expect(readFileSync(join(above, 'other'), 'utf8')).toBe('a');
      const inside = readdirSync(above, { recursive: true })
        .map(String)
        .filter((path) => path.startsWith('d/'));
      for (const path of inside) expect(await isWhiteout(join(above, path), { userxattr })).toBe(true);
    }
  }
  const { above } = await two(archive(link, file('.wh.d')));
  expect(await isWhiteout(join(above, 'd'), { userxattr })).toBe(true);
  const { above: own } = await two(archive(link, file('d/own'), file('.wh.d')));
  expect(readdirSync(join(own, 'd'))).toEqual(['own']);
  expect(await isOpaque(join(own, 'd'), { userxattr })).toBe(true);
});

test('deleting all that is below takes knowing it', async () => {
  const { above } = await two(archive(file('.wh..wh..opq'), file('new'), directory('d')));
  expect(readdirSync(above).toSorted()).toEqual(['d', 'gone', 'keep', 'new']);
  expect(await isOpaque(join(above, 'd'), { userxattr })).toBe(true);
  expect(await isWhiteout(join(above, 'gone'), { userxattr })).toBe(true);
  await expect(
    unpackLayer(Readable.from([archive(file('.wh..wh..opq'))]), scratchDirectory().join('l'), OWN),
  ).rejects.toMatchObject({ code: 'ERR_OVERLAY_LAYER_OPAQUE_ROOT' });
});

test('attributes of an overlay over this one are escaped, and those of the other dialect are as they are', async () => {
  const layer = archive(file('f', '', { xattrs: { 'user.overlay.redirect': '/x', 'user.plain': '1' } }));
  const dir = scratchDirectory().join('l');
  await unpackLayer(Readable.from([layer]), dir, { ...OWN, xattrs: 'user' });
  expect(xattrsOf(join(dir, 'f'))).toMatchObject({
    'user.overlay.overlay.redirect': '/x',
    'user.plain': '1',
  });
});

describePrivileged('mounted', () => {
  describe.each([
    ['trusted', 'device'],
    ['trusted', 'xattr'],
    ['user', 'device'],
    ['user', 'xattr'],
  ] as const)('%s.overlay, deletions as %s', (xattrs, whiteouts) => {
    test('shows what the layers say', async () => {
      const upper = archive(
        file('d/.wh.a'),
        file('.wh.gone'),
        file('d/sub/.wh..wh..opq'),
        file('d/sub/y'),
        file('nosuch/.wh.z'),
      );
      const { below, above } = await two(upper, { xattrs, whiteouts });
      const options = xattrs === 'user' ? { options: { userxattr: true } } : {};
      expect(await names([above, below], options)).toEqual(['d', 'd/b', 'd/sub', 'd/sub/y', 'keep']);
    });
  });
});
