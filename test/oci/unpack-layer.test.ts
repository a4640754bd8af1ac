import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { unpackLayer } from '../../lib/oci/unpack-layer.ts';
import type { UnpackOptions } from '../../lib/oci/unpack-options.ts';
import { header, octal, pax, withBody } from '../format/tar/archive.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { xattrsOf } from '../support/xattr.ts';
import { archive, directory, entry, file, hardlink, symlink, TIME } from './layer-archive.ts';

const OWN: UnpackOptions = process.geteuid!() === 0 ? {} : { rootless: true };

/** Unpacks below a scratch directory that has nothing else in it. */
async function unpack(layer: Buffer, options: UnpackOptions = {}) {
  const scratch = scratchDirectory();
  const dir = scratch.join('layer');
  const result = await unpackLayer(Readable.from([layer]), dir, { ...OWN, ...options });
  expect(readdirSync(scratch.path)).toEqual(['layer']);
  return { dir, result, at: (name: string) => join(dir, name) };
}

const content = (path: string): string => readFileSync(path, 'latin1');

describe('what entries become', () => {
  test('files, directories and links with mode and time', async () => {
    const { result, at } = await unpack(
      archive(
        directory('.', { mode: 0o750, mtime: 5n }),
        directory('etc', { mode: 0o711, mtime: -1_500_000_000n }),
        file('etc/hosts', 'localhost', { mode: 0o4604, mtime: 1_234_567_890_123_456_789n }),
        symlink('etc/link', '/nowhere\n', { mtime: 77n }),
        hardlink('other', 'etc/hosts'),
        hardlink('link2', 'etc/link'),
        entry('pipe', { type: 'fifo', mode: 0o622 }),
        directory('empty'),
      ),
    );
    expect(result).toMatchObject({ entries: 8, bytes: 9, dropped: [] });
    const time = (name: string) => lstatSync(at(name), { bigint: true }).mtimeNs;
    const mode = (name: string) => lstatSync(at(name)).mode & 0o7777;
    expect([mode('.'), mode('etc'), mode('etc/hosts'), mode('pipe'), mode('empty')]).toEqual([
      0o750, 0o711, 0o4604, 0o622, 0o755,
    ]);
    expect([time('.'), time('etc'), time('etc/hosts'), time('etc/link'), time('empty')]).toEqual([
      5n,
      -1_500_000_000n,
      1_234_567_890_123_456_789n,
      77n,
      TIME,
    ]);
    expect(content(at('other'))).toBe('localhost');
    expect(readlinkSync(at('etc/link'))).toBe('/nowhere\n');
    expect(lstatSync(at('other')).ino).toBe(lstatSync(at('etc/hosts')).ino);
    expect(lstatSync(at('link2')).ino).toBe(lstatSync(at('etc/link')).ino);
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
  });

  test('parents without an entry, names in all spellings, any bytes', async () => {
    const long = 'x'.repeat(255);
    const deep = Array.from({ length: 8 }, () => 'd'.repeat(60)).join('/');
    const layer = archive(
      file('./a', 'a'),
      file('/b', 'b'),
      file('c//d', 'd'),
      file(long),
      file(`${deep}/f`, 'deep'),
      file('new\nline\\\x1b[31m'),
      file('caf\xe9', 'latin'),
    );
    const { at, dir } = await unpack(layer);
    expect(content(at('a')) + content(at('b')) + content(at('c/d')) + content(at(`${deep}/f`))).toBe(
      'abddeep',
    );
    expect(statSync(at('c'), { bigint: true })).toMatchObject({ mode: 0o40755n, mtimeNs: 0n });
    expect(existsSync(at(long))).toBe(true);
    expect(existsSync(at('new\nline\\\x1b[31m'))).toBe(true);
    expect(readFileSync(Buffer.concat([Buffer.from(`${dir}/caf`), Buffer.from([0xe9])]), 'latin1')).toBe(
      'latin',
    );
  });

  test('large files, in chunks of any size, and the digest of it all', async () => {
    const big = Buffer.alloc(3_000_001, 'overlay');
    const layer = archive(file('big', '', { content: big }), file('small', 'after'));
    const dir = scratchDirectory().join('layer');
    const pieces = Array.from({ length: Math.ceil(layer.length / 7777) }, (_, i) =>
      layer.subarray(i * 7777, (i + 1) * 7777),
    );
    const progress: number[] = [];
    const { diffId, bytes } = await unpackLayer(Readable.from(pieces), dir, {
      ...OWN,
      onProgress: ({ read }) => progress.push(read),
    });
    expect(diffId).toBe(`sha256:${createHash('sha256').update(layer).digest('hex')}`);
    expect(bytes).toBe(big.length + 5);
    expect(readFileSync(join(dir, 'big')).equals(big)).toBe(true);
    expect(content(join(dir, 'small'))).toBe('after');
    expect(progress.at(-1)).toBe(layer.length);
    expect(progress.toSorted((a, b) => a - b)).toEqual(progress);
  });

  test('sparse files keep their holes', async () => {
    const size = 64 * 1024 * 1024;
    const records = [
      ['GNU.sparse.size', String(size)],
      ['GNU.sparse.map', `${1024 * 1024},4`],
    ] as const;
    const { at } = await unpack(archive(pax(records), withBody('data', { name: 'sparse' })));
    const { size: found, blocks } = statSync(at('sparse'));
    expect(found).toBe(size);
    expect(blocks * 512).toBeLessThan(1024 * 1024);
    expect(
      readFileSync(at('sparse'))
        .subarray(1024 * 1024, 1024 * 1024 + 5)
        .toString('latin1'),
    ).toBe('data\0');
  });

  test('the last of several entries of one path wins, whatever they were', async () => {
    const { at } = await unpack(
      archive(
        file('a', 'first'),
        file('a', 'second'),
        directory('d'),
        file('d/inside'),
        file('d', 'now a file'),
        file('e'),
        directory('e'),
        file('e/inside', 'here'),
        symlink('s', '/etc'),
        directory('s', { mode: 0o700 }),
        file('s/f', 'not in etc'),
        hardlink('a', 'a'),
      ),
    );
    expect(content(at('a'))).toBe('second');
    expect(content(at('d'))).toBe('now a file');
    expect(content(at('e/inside'))).toBe('here');
    expect(content(at('s/f'))).toBe('not in etc');
  });

  test('symbolic links on the way lead as below a root of their own', async () => {
    const { at } = await unpack(
      archive(
        directory('usr/lib'),
        symlink('lib', 'usr/lib'),
        file('lib/x', 'x'),
        symlink('up', '../../../../usr'),
        file('up/y', 'y'),
        symlink('abs', '/usr/lib'),
        file('abs/z', 'z'),
        hardlink('hard', 'lib/x'),
      ),
    );
    expect(
      content(at('usr/lib/x')) + content(at('usr/y')) + content(at('usr/lib/z')) + content(at('hard')),
    ).toBe('xyzx');
  });

  test('no end of the archive, nothing at all, and file types in modes', async () => {
    const bare = Buffer.concat([
      header({ name: 'f', mode: '0100755\0', size: octal(3) }),
      Buffer.from('abc'),
    ]);
    const { at } = await unpack(bare);
    expect(content(at('f'))).toBe('abc');
    expect(statSync(at('f')).mode & 0o7777).toBe(0o755);
    const { dir } = await unpack(Buffer.alloc(0));
    expect(readdirSync(dir)).toEqual([]);
  });

  test('contiguous files and hard links into what AUFS left', async () => {
    const { at, result, dir } = await unpack(
      archive(
        withBody('seven', { name: 'c', type: '7' }),
        file('.wh..wh.plnk/1.2', 'linked'),
        hardlink('a', '.wh..wh.plnk/1.2'),
        file('.wh..wh.aufs'),
      ),
    );
    expect(content(at('c')) + content(at('a'))).toBe('sevenlinked');
    expect(readdirSync(dir).toSorted()).toEqual(
      ['.wh..wh.plnk', 'a', 'c'].filter((name) => existsSync(at(name))),
    );
    expect(existsSync(at('.wh..wh.aufs'))).toBe(false);
    expect(result.dropped.map(({ what }) => what)).toContain('leftover');
  });

  privileged('owners, devices, capabilities, ACLs and attributes', async () => {
    const capability = '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
    const { at, result } = await unpack(
      archive(
        file('f', 'x', {
          uid: 2_097_153,
          gid: 4_000_000_000,
          mode: 0o6755,
          xattrs: { 'security.capability': capability, 'user.empty': '', 'user.a=b': '\xff\n' },
        }),
        directory('d', { uid: 7, mode: 0o3777, xattrs: { 'trusted.x': '1' } }),
        entry('null', { type: 'character', device: { major: 1, minor: 3 }, mode: 0o666 }),
        entry('disk', { type: 'block', device: { major: 259, minor: 70_000 }, gid: 6 }),
        symlink('l', 'f', { uid: 5, gid: 6, xattrs: { 'trusted.l': 'yes', 'user.no': '' } }),
        file('selinux', '', { xattrs: { 'security.selinux': 'x', nonsense: 'y' } }),
      ),
    );
    expect(statSync(at('f'))).toMatchObject({ uid: 2_097_153, gid: 4_000_000_000, mode: 0o106755 });
    expect(xattrsOf(at('f'))).toEqual({
      'security.capability': capability,
      'user.empty': '',
      'user.a=b': '\xff\n',
    });
    expect(statSync(at('d')).mode & 0o7777).toBe(0o3777);
    expect(xattrsOf(at('d'))).toEqual({ 'trusted.x': '1' });
    expect(statSync(at('null')).rdev).toBe(0x103);
    expect(execFileSync('stat', ['-c', '%Hr %Lr %g', at('disk')], { encoding: 'utf8' })).toBe(
      '259 70000 6\n',
    );
    expect(lstatSync(at('l'))).toMatchObject({ uid: 5, gid: 6 });
    expect(xattrsOf(at('l'))).toEqual({ 'trusted.l': 'yes' });
    expect(result.dropped.map(({ what }) => what).toSorted()).toEqual([
      'xattr:nonsense',
      'xattr:security.selinux',
      'xattr:user.no',
    ]);
  });

  privileged('nothing is inherited from the directory that it is made in', async () => {
    const scratch = scratchDirectory();
    const parent = scratch.directory('parent');
    execFileSync('chgrp', ['123', parent]);
    execFileSync('chmod', ['2777', parent]);
    const old = process.umask(0o077);
    try {
      await unpackLayer(Readable.from([archive(file('a/f', 'x', { mode: 0o666 }))]), join(parent, 'l'));
    } finally {
      process.umask(old);
    }
    expect(statSync(join(parent, 'l/a/f'))).toMatchObject({ gid: 0, mode: 0o100666 });
    expect(statSync(join(parent, 'l/a')).mode & 0o7777).toBe(0o755);
  });
});

describe('compression is what the first bytes say', () => {
  const layer = archive(file('f', 'content '.repeat(5000)));
  const halves = [layer.subarray(0, 700), layer.subarray(700)] as const;
  const zstd = (bytes: Buffer, ...options: string[]): Buffer =>
    execFileSync('zstd', ['-q', '-c', ...options], { input: bytes });
  test.each<[string, () => Buffer]>([
    ['none', () => layer],
    ['gzip', () => gzipSync(layer)],
    ['several gzip members', () => Buffer.concat(halves.map((half) => gzipSync(half)))],
    ['zstd', () => zstd(layer)],
    [
      'several zstd frames, one to be skipped first',
      () =>
        Buffer.concat([
          Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]),
          ...halves.map((half) => zstd(half)),
        ]),
    ],
    ['zstd with a long window', () => zstd(layer, '--long=27', '-19')],
  ])('%s', async (_, bytes) => {
    const { at, result } = await unpack(bytes());
    expect(content(at('f'))).toBe('content '.repeat(5000));
    expect(result.diffId).toBe(`sha256:${createHash('sha256').update(layer).digest('hex')}`);
  });

  test.each<[string, () => Buffer]>([
    ['gzip that ends too early', () => gzipSync(layer).subarray(0, -20)],
    ['broken gzip', () => Buffer.concat([gzipSync(layer).subarray(0, 30), Buffer.alloc(200, 0xff)])],
    ['zstd that ends too early', () => zstd(layer).subarray(0, -20)],
    ['bzip2', () => Buffer.from('BZh91AY&SY')],
    ['xz', () => Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0])],
  ])('%s is refused', async (_, bytes) => {
    await expect(unpack(bytes())).rejects.toMatchObject({
      code: 'ERR_OVERLAY_LAYER_COMPRESSION',
      hint: expect.any(String),
    });
  });
});

describe('deletions in a plain directory', () => {
  const base = archive(
    directory('d', { mode: 0o700, xattrs: { 'user.old': '1' } }),
    file('d/a', 'a'),
    file('d/b', 'b'),
    directory('d/sub'),
    file('d/sub/x'),
    directory('e'),
    file('e/a'),
    file('keep', 'k'),
    symlink('ln', 'd'),
  );
  async function over(...entries: Buffer[]) {
    const dir = scratchDirectory().join('tree');
    await unpackLayer(Readable.from([base]), dir, { ...OWN, format: 'plain' });
    await unpackLayer(Readable.from([archive(...entries)]), dir, { ...OWN, format: 'plain' });
    return {
      dir,
      names: readdirSync(dir, { recursive: true })
        .map(String)
        // It goes through links.
        .filter((name) => !name.startsWith('ln/'))
        .toSorted(),
    };
  }
  test('names, and all below an opaque directory, before or after its new entries', async () => {
    for (const flip of [false, true]) {
      const entries = [file('d/.wh..wh..opq'), file('d/new', 'n'), file('.wh.e'), file('.wh.nothing')];
      const { names, dir } = await over(...(flip ? entries.toReversed() : entries));
      expect(names).toEqual(['d', 'd/new', 'keep', 'ln']);
      // What no entry told of is as it was.
      expect(statSync(dir, { bigint: true }).mtimeNs).toBe(0n);
      expect(statSync(join(dir, 'd'), { bigint: true })).toMatchObject({ mtimeNs: TIME, mode: 0o40700n });
    }
  });
  test('a directory that is deleted and made again has nothing of the old one', async () => {
    const { names, dir } = await over(file('.wh.d'), directory('d', { mode: 0o711 }), file('d/z'));
    expect(names).toEqual(['d', 'd/z', 'e', 'e/a', 'keep', 'ln']);
    expect(xattrsOf(join(dir, 'd'))).toEqual({});
    expect(statSync(join(dir, 'd')).mode & 0o777).toBe(0o711);
  });
  test('through a link of the layer below', async () => {
    const { dir } = await over(file('ln/c', 'through'), hardlink('again', 'ln/a'));
    expect(content(join(dir, 'd/c')) + content(join(dir, 'again'))).toBe('througha');
  });
  test('a new type in the place of an old one', async () => {
    const { dir, names } = await over(file('d', 'file'), directory('keep'), file('keep/x', 'y'));
    expect(content(join(dir, 'd')) + content(join(dir, 'keep/x'))).toBe('filey');
    expect(names).toEqual(['d', 'e', 'e/a', 'keep', 'keep/x', 'ln']);
  });
});

describe('nothing is left behind', () => {
  const layer = archive(file('a', 'x'), file('big', '', { content: Buffer.alloc(500_000, 1) }));
  test('an abort, and a stream that fails', async () => {
    const scratch = scratchDirectory();
    const controller = new AbortController();
    const slowly = async function* () {
      yield layer.subarray(0, 200_000);
      controller.abort(new Error('enough'));
      yield layer.subarray(200_000);
    };
    await expect(
      unpackLayer(Readable.from(slowly()), scratch.join('l'), { ...OWN, signal: controller.signal }),
    ).rejects.toThrow('enough');
    const failing = async function* () {
      yield layer.subarray(0, 200_000);
      throw new Error('the line went dead');
    };
    await expect(unpackLayer(Readable.from(failing()), scratch.join('l'), OWN)).rejects.toThrow(
      'the line went dead',
    );
    expect(readdirSync(scratch.path)).toEqual([]);
  });
  test('another digest than expected', async () => {
    const scratch = scratchDirectory();
    const diffId = `sha256:${'0'.repeat(64)}`;
    await expect(
      unpackLayer(Readable.from([layer]), scratch.join('l'), { ...OWN, diffId }),
    ).rejects.toMatchObject({ code: 'ERR_OVERLAY_DIGEST_MISMATCH' });
    expect(readdirSync(scratch.path)).toEqual([]);
  });
  test('a target with something in it, that is a file, or in no directory', async () => {
    const scratch = scratchDirectory();
    mkdirSync(scratch.join('full'));
    writeFileSync(scratch.join('full/x'), '');
    writeFileSync(scratch.join('file'), '');
    for (const name of ['full', 'file'])
      await expect(unpackLayer(Readable.from([layer]), scratch.join(name), OWN)).rejects.toMatchObject({
        code: 'ERR_OVERLAY_TARGET_EXISTS',
        path: scratch.join(name),
      });
    await expect(unpackLayer(Readable.from([layer]), scratch.join('no/where'), OWN)).rejects.toMatchObject({
      code: 'ERR_OVERLAY_NOT_FOUND',
    });
    mkdirSync(scratch.join('empty'));
    await unpackLayer(Readable.from([layer]), scratch.join('empty'), OWN);
    expect(readdirSync(scratch.path).toSorted()).toEqual(['empty', 'file', 'full']);
  });
  test('a directory is no layer', async () => {
    const scratch = scratchDirectory();
    const layer = scratch.directory('image');
    await expect(unpackLayer(layer, scratch.join('layer'))).rejects.toMatchObject({
      code: 'ERR_OVERLAY_NOT_FILE',
      option: 'source',
      path: layer,
    });
    expect(readdirSync(scratch.path)).toEqual(['image']);
  });

  test('a layer that is not there, and options that do not exist', async () => {
    const scratch = scratchDirectory();
    await expect(unpackLayer(scratch.join('none.tar'), scratch.join('l'), OWN)).rejects.toMatchObject({
      code: 'ERR_OVERLAY_NOT_FOUND',
    });
    await expect(
      unpackLayer(Readable.from([layer]), scratch.join('l'), { form: 'x' } as never),
    ).rejects.toMatchObject({ code: 'ERR_OVERLAY_UNKNOWN_OPTION' });
    await expect(
      unpackLayer(Readable.from([layer]), scratch.join('l'), { format: 'x' } as never),
    ).rejects.toMatchObject({ code: 'ERR_OVERLAY_INVALID_VALUE' });
    await expect(
      unpackLayer(Readable.from([layer]), scratch.join('l'), { limits: { bytes: -1 } }),
    ).rejects.toMatchObject({ code: 'ERR_OVERLAY_INVALID_VALUE' });
    expect(readdirSync(scratch.path)).toEqual([]);
  });
  privileged('a full disk', async () => {
    const scratch = scratchDirectory();
    const small = scratch.directory('small');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'small', small]);
    await expect(unpackLayer(Readable.from([layer]), join(small, 'l'))).rejects.toMatchObject({
      code: 'ERR_OVERLAY_NO_SPACE',
    });
    expect(readdirSync(small)).toEqual([]);
  });
});
