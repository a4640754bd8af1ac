// The comparison of trees with those of other tools, for a small image that we write: it finds nothing, and would.
import { mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { packLayer } from '../../lib/oci/pack-layer.ts';
import { unpackLayer } from '../../lib/oci/unpack-layer.ts';
import { writeImage } from '../../lib/oci/write-image.ts';
import { archive, directory, entry, file, hardlink, symlink } from '../oci/layer-archive.ts';
import { runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const capability = '\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
const base = archive(
  directory('.'),
  directory('bin'),
  file('bin/ping', 'ping', { mode: 0o755, xattrs: { 'security.capability': capability } }),
  file('bin/su', 'su', { mode: 0o4755 }),
  hardlink('bin/sudo', 'bin/su', { mode: 0o4755 }),
  directory('dev'),
  entry('dev/null', { type: 'character', device: { major: 1, minor: 3 }, mode: 0o666 }),
  directory('emptied'),
  file('emptied/old', 'old'),
  file('gone', 'gone'),
  directory('opaque', { mode: 0o750 }),
  file('opaque/old', 'old'),
  directory('replaced'),
  file('replaced/inside', 'inside'),
  file('thing', 'a file'),
);
const change = archive(
  directory('.'),
  directory('bin'),
  file('bin/su', 'su', { mode: 0o4755 }),
  hardlink('bin/third', 'bin/su', { mode: 0o4755 }),
  directory('dev'),
  entry('dev/disk', { type: 'block', device: { major: 259, minor: 70_000 }, gid: 6 }),
  entry('dev/pipe', { type: 'fifo', mode: 0o622 }),
  directory('emptied', { mode: 0o2775, gid: 50 }),
  file('emptied/.wh.old'),
  directory('opaque', { mode: 0o1777 }),
  file('opaque/.wh..wh..opq'),
  file('opaque/new', 'new', { mtime: 1_234_567_890_123_456_789n }),
  file('owned', 'x'.repeat(200_000), { uid: 2_097_153, gid: 4_000_000_000 }),
  file('replaced', 'now a file'),
  symlink('thing', 'bin/ping', { uid: 7, gid: 8 }),
  directory('with', { xattrs: { 'user.of a directory': '\0\xff' } }),
  file('with/a\nname\xe9', '', { xattrs: { 'user.empty': '', 'user.bytes': '\xff=\n' } }),
  file('.wh.gone'),
);

const soak = (image: string, ...args: readonly string[]) =>
  runNode(new URL('images.mjs', import.meta.url), {
    args: [image, ...args],
    under: ['unshare', '--mount', '--propagation', 'private'],
  });

/** What is packed has been on the disk as a layer. */
async function smallImage(): Promise<string> {
  const scratch = scratchDirectory();
  mkdirSync(scratch.join('layers'));
  const [below, above] = [scratch.join('layers/0'), scratch.join('layers/1')];
  await unpackLayer(Readable.from([base]), below, { lowers: [] });
  await unpackLayer(Readable.from([change]), above, { lowers: [below] });
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const image = scratch.join('image');
  await writeImage([packLayer(below), packLayer(above)], { os: 'linux', architecture }, image);
  return image;
}

describePrivileged('an image that we write', () => {
  test('is one tree for umoci, podman, containerd and us, and each layer has one digest whatever its form', async () => {
    const { status, stdout, stderr } = soak(await smallImage());
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.match(/all equal/g)?.length).toBe(4);
    expect(stdout.match(/: 2 layers/g)?.length).toBe(5);
  });

  test('a difference would be seen', async () => {
    const { status, stderr } = soak(await smallImage(), '--spoil');
    expect(status).toBe(1);
    expect(stderr).toMatch(/FAILED: .*: umoci has another tree: \d+ lines of ours/);
  });
});
