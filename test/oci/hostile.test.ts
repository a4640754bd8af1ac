import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { unpackLayer } from '../../lib/oci/unpack-layer.ts';
import type { UnpackOptions } from '../../lib/oci/unpack-options.ts';
import { header, octal, pax, withBody } from '../format/tar/archive.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { archive, directory, entry, file, hardlink, symlink } from './layer-archive.ts';
import { snapshot } from './snapshot.ts';

const OWN: UnpackOptions = process.geteuid!() === 0 ? {} : { rootless: true };

/** A place with a victim beside the target; whatever a layer says, the victim is as it was. */
async function attack(
  layer: Buffer | (() => AsyncIterable<Buffer>),
  options: UnpackOptions = {},
  target = 'layer',
) {
  const scratch = scratchDirectory();
  mkdirSync(scratch.join('victim'));
  writeFileSync(scratch.join('victim/secret'), 'secret');
  writeFileSync(scratch.join('secret'), 'secret');
  const before = [...snapshot(scratch.join('victim')), ...snapshot(scratch.join('secret'))];
  const source = Readable.from(typeof layer === 'function' ? layer() : [layer]);
  const outcome = await unpackLayer(source, scratch.join(target), { ...OWN, ...options }).then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  expect([...snapshot(scratch.join('victim')), ...snapshot(scratch.join('secret'))]).toEqual(before);
  const made = 'result' in outcome ? ['layer', 'secret', 'victim'] : ['secret', 'victim'];
  expect(readdirSync(scratch.path).toSorted()).toEqual(made);
  return { ...outcome, scratch };
}

const refused: [what: string, layer: Buffer, code: string, options?: UnpackOptions][] = [
  ['a name with ..', archive(file('../secret', 'evil')), 'ERR_OVERLAY_LAYER_NAME'],
  ['.. in the middle', archive(file('a/../../secret', 'evil')), 'ERR_OVERLAY_LAYER_NAME'],
  ['a hard link to ..', archive(hardlink('x', '../secret')), 'ERR_OVERLAY_LAYER_NAME'],
  ['a hard link to outside', archive(hardlink('x', '/etc/passwd')), 'ERR_OVERLAY_LAYER_LINK'],
  [
    'a hard link through a link to outside',
    archive(symlink('l', '../victim'), hardlink('x', 'l/secret')),
    'ERR_OVERLAY_LAYER_LINK',
  ],
  ['a hard link to a directory', archive(directory('d'), hardlink('x', 'd')), 'ERR_OVERLAY_LAYER_LINK'],
  ['a whiteout of the root', archive(file('.wh.')), 'ERR_OVERLAY_LAYER_NAME'],
  ['a whiteout of .', archive(file('.wh..')), 'ERR_OVERLAY_LAYER_NAME'],
  ['a whiteout of ..', archive(file('d/.wh...')), 'ERR_OVERLAY_LAYER_NAME'],
  ['an entry in a whiteout', archive(file('.wh.d/x')), 'ERR_OVERLAY_LAYER_NAME'],
  ['a root that is a file', archive(file('.', 'x')), 'ERR_OVERLAY_LAYER_PATH'],
  ['a root that is a link', archive(symlink('.', '/etc')), 'ERR_OVERLAY_LAYER_PATH'],
  ['an entry below a file', archive(file('f'), file('f/x')), 'ERR_OVERLAY_LAYER_PATH'],
  ['an entry below a fifo', archive(entry('p', { type: 'fifo' }), file('p/x')), 'ERR_OVERLAY_LAYER_PATH'],
  ['links in a circle', archive(symlink('a', 'b'), symlink('b', 'a'), file('a/x')), 'ERR_OVERLAY_LAYER_PATH'],
  ['a link to itself', archive(symlink('a', 'a/b'), file('a/x')), 'ERR_OVERLAY_LAYER_PATH'],
  ['a deep tree', archive(file(`${'d/'.repeat(600)}x`)), 'ERR_OVERLAY_LAYER_LIMIT'],
  [
    'a tree that links make deep',
    archive(
      ...Array.from({ length: 30 }, (_, i) => [
        directory(`${'a/'.repeat(20)}`),
        symlink(`l${i}`, `${i === 0 ? '.' : `l${i - 1}`}/${'a/'.repeat(20)}`),
      ]).flat(),
      file('l29/x'),
    ),
    'ERR_OVERLAY_LAYER_LIMIT',
  ],
  ['a component that is too long', archive(file('x'.repeat(256))), 'ERR_OVERLAY_LAYER_NAME'],
  [
    'a path that is too long',
    archive(file(Array.from({ length: 20 }, () => 'd'.repeat(250)).join('/'))),
    'ERR_OVERLAY_NAME_TOO_LONG',
  ],
  [
    'too many entries',
    archive(...Array.from({ length: 11 }, (_, i) => file(`f${i}`))),
    'ERR_OVERLAY_LAYER_LIMIT',
    { limits: { entries: 10 } },
  ],
  [
    'too many bytes',
    archive(file('f', 'x'.repeat(1001))),
    'ERR_OVERLAY_LAYER_LIMIT',
    { limits: { bytes: 1000 } },
  ],
  [
    'a file of exabytes',
    Buffer.concat([pax([['size', '9007199254740991']]), header({ name: 'f' })]),
    'ERR_OVERLAY_LAYER_LIMIT',
  ],
  [
    'a sparse file of exabytes',
    archive(
      pax([
        ['GNU.sparse.size', '9007199254740991'],
        ['GNU.sparse.map', '0,4'],
      ]),
      withBody('data', { name: 's' }),
    ),
    'ERR_OVERLAY_LAYER_LIMIT',
  ],
  ['a header of gigabytes', header({ type: 'x', size: octal(2 ** 31) }), 'ERR_OVERLAY_TAR_LIMIT'],
  ['a wrong checksum', header({ name: 'f', checksum: '0000000\0' }), 'ERR_OVERLAY_TAR_CORRUPT'],
  [
    'an end in the middle',
    archive(file('f', 'x'.repeat(2000))).subarray(0, 1500),
    'ERR_OVERLAY_TAR_TRUNCATED',
  ],
  [
    'truncated gzip',
    gzipSync(archive(file('f', 'x'.repeat(2000)))).subarray(0, 40),
    'ERR_OVERLAY_LAYER_COMPRESSION',
  ],
  ['no tar at all', Buffer.alloc(5000, 'text'), 'ERR_OVERLAY_TAR_CORRUPT'],
];

test.each(refused)('%s is refused', async (_, layer, code, options) => {
  const { error } = (await attack(layer, options)) as { error: { code: string; hint: string } };
  expect(error).toMatchObject({ name: 'OverlayError', code, hint: expect.stringMatching(/.+/) });
});

test('a bomb is refused while it is small', async () => {
  const bomb = gzipSync(Buffer.alloc(128 * 1024 * 1024));
  let zeros = 0;
  const many = async function* () {
    yield gzipSync(header({ name: 'zeros', size: '77777777777\0' }));
    for (; zeros < 200; zeros++) yield bomb;
  };
  const { error } = (await attack(many)) as { error: { code: string } };
  expect(error).toMatchObject({ code: 'ERR_OVERLAY_LAYER_LIMIT', option: 'limits.ratio' });
  expect(zeros).toBeLessThan(20);
});

describe('harmless, as what it means below a root of its own', () => {
  test.each<[string, Buffer, readonly string[]]>([
    ['an absolute name', archive(file('/etc/passwd', 'mine')), ['etc', 'etc/passwd']],
    [
      'a link to outside, then a file through it',
      archive(symlink('l', '../victim'), file('l/secret', 'evil')),
      ['l', 'victim', 'victim/secret'],
    ],
    [
      'an absolute link, then a file through it',
      archive(symlink('l', `${tmpdir()}/x`), file('l/f', 'evil')),
      [],
    ],
    [
      'a link in the place of a directory',
      archive(directory('d'), symlink('d', '/etc'), directory('d'), file('d/f')),
      ['d', 'd/f'],
    ],
    [
      'a link, and a file of the same name',
      archive(symlink('secret', '../secret'), file('secret', 'evil')),
      ['secret'],
    ],
    [
      'a device 0:0, which would be a deletion',
      archive(entry('gone', { type: 'character', device: { major: 0, minor: 0 } }), file('there')),
      ['there'],
    ],
    ['control characters', archive(file('a\x1b]0;evil\x07\r\n')), ['a\x1b]0;evil\x07\r\n']],
    [
      'magic links',
      archive(symlink('m', '/proc/self/root'), file('m/f', 'evil')),
      ['m', 'proc', 'proc/self', 'proc/self/root', 'proc/self/root/f'],
    ],
  ])('%s', async (_, layer, names) => {
    const { result, scratch } = (await attack(layer)) as {
      result: object;
      scratch: ReturnType<typeof scratchDirectory>;
    };
    expect(result).toBeDefined();
    const lines = snapshot(scratch.join('layer'), { times: false, owners: false }).slice(1);
    if (names.length > 0) expect(lines.length).toBe(names.length);
    for (const name of names) expect(lines.some((line) => line.startsWith(`./${name} `))).toBe(true);
  });
});

test('a tree that is laid over has links to outside: nothing goes through them', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'overlayfs-outside-'));
  try {
    writeFileSync(join(outside, 'secret'), 'secret');
    const before = snapshot(outside);
    const tree = scratchDirectory().directory('tree');
    symlinkSync(outside, join(tree, 'link'));
    mkdirSync(join(tree, 'dir'));
    symlinkSync(join(outside, 'secret'), join(tree, 'dir/file'));
    const layer = archive(
      file('link/secret', 'evil'),
      file('link/new', 'evil'),
      file('dir/file', 'mine'),
      file('link/.wh.secret'),
      file('link/.wh..wh..opq'),
      hardlink('hard', 'dir/file'),
    );
    await unpackLayer(Readable.from([layer]), tree, { ...OWN, format: 'plain' });
    await unpackLayer(Readable.from([archive(file('.wh.link'), file('.wh.dir'))]), tree, {
      ...OWN,
      format: 'plain',
    });
    expect(snapshot(outside)).toEqual(before);
    expect(existsSync(join(tree, 'link'))).toBe(false);
  } finally {
    rmSync(outside, { recursive: true });
  }
});
