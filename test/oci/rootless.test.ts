import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { decodeOwner, encodeOwner } from '../../lib/oci/rootless.ts';
import { unpackLayer } from '../../lib/oci/unpack-layer.ts';
import { packageRoot } from '../support/built-package.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { xattrsOf } from '../support/xattr.ts';
import { archive, directory, entry, file, symlink } from './layer-archive.ts';

const layer = archive(
  directory('ro', { mode: 0o555 }),
  file('ro/f', 'x', { uid: 1000, gid: 2_097_152, mode: 0o444, xattrs: { 'trusted.x': '1', 'user.y': '2' } }),
  symlink('l', 'ro', { uid: 5 }),
  entry('null', { type: 'character', device: { major: 1, minor: 3 } }),
  file('.wh.gone'),
);

test('owners as a protobuf message', () => {
  expect(encodeOwner({ uid: 0, gid: 0 }).toString('hex')).toBe('');
  expect(encodeOwner({ uid: 300, gid: 1 }).toString('hex')).toBe('08ac021001');
  for (const owner of [
    { uid: 0, gid: 7 },
    { uid: 4_294_967_294, gid: 2_097_152 },
  ])
    expect(decodeOwner(encodeOwner(owner))).toEqual(owner);
  for (const bytes of ['08', '0880', '08ffffffffffffff01', '1a01'])
    expect(decodeOwner(Buffer.from(bytes, 'hex'))).toBeUndefined();
});

test('what only root may do is written down, or told', async () => {
  const dir = scratchDirectory().join('l');
  const { dropped } = await unpackLayer(Readable.from([layer]), dir, { rootless: true });
  const { uid, gid, mode } = statSync(join(dir, 'ro/f'));
  expect([uid, gid, mode & 0o7777]).toEqual([process.geteuid!(), process.getegid!(), 0o444]);
  expect(statSync(join(dir, 'ro')).mode & 0o7777).toBe(0o555);
  const owner = xattrsOf(join(dir, 'ro/f'))['user.rootlesscontainers']!;
  expect(decodeOwner(Buffer.from(owner, 'latin1'))).toEqual({ uid: 1000, gid: 2_097_152 });
  expect(dropped.map(({ path, what }) => `${path} ${what}`).toSorted()).toEqual([
    'l owner',
    'null device',
    'ro/f xattr:trusted.x',
  ]);
});

privileged('an ordinary user is told what cannot be given, and can unpack all the same', async () => {
  const scratch = scratchDirectory();
  const home = scratch.directory('home');
  chownSync(home, 65534, 65534);
  chmodSync(scratch.path, 0o755);
  scratch.file('layer.tar', layer);
  const script = `
    import { unpackLayer } from '${packageRoot}dist/oci/index.js';
    const code = await unpackLayer('${scratch.join('layer.tar')}', '${home}/a').then(() => 'done', (e) => e.code + ' ' + e.hint);
    const { dropped } = await unpackLayer('${scratch.join('layer.tar')}', '${home}/b', { rootless: true });
    console.log(JSON.stringify([code, dropped.length]));`;
  scratch.file('run.mjs', script);
  const ids = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  const { stdout, stderr } = spawnSync('setpriv', [...ids, process.execPath, scratch.join('run.mjs')], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual([
    expect.stringMatching(/^ERR_OVERLAY_LAYER_(OWNER|XATTR) .*rootless: true/),
    3,
  ]);
  expect(readFileSync(join(home, 'b/ro/f'), 'utf8')).toBe('x');
});
