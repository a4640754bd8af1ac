// What statx(2) and statfs(2) give, compared with what node:fs says of the same file.
import { closeSync, openSync, statfsSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { callSync } from '../../lib/kernel/call.ts';
import {
  AT_FDCWD,
  STATX_BASIC_STATS,
  STATX_MNT_ID,
  STATX_MNT_ID_UNIQUE,
} from '../../lib/kernel/constants.ts';
import {
  decodeFileSystemStat,
  decodeStat,
  identityOf,
  mountIdIn,
  mountIdNumber,
} from '../../lib/kernel/stat.ts';
import { scratchDirectory } from '../support/scratch.ts';

const statx = (path: string, mask = STATX_BASIC_STATS) => callSync('statx', AT_FDCWD, path, 0, mask);

test.each(['/', '/dev/null', '/proc/self/status', '/etc/passwd'])('of %s', (path) => {
  const ours = decodeStat(statx(path));
  const nodes = statSync(path, { bigint: true });
  expect(ours).toMatchObject({
    mode: Number(nodes.mode),
    uid: Number(nodes.uid),
    gid: Number(nodes.gid),
    links: Number(nodes.nlink),
    isDirectory: nodes.isDirectory(),
  });
  if (!path.startsWith('/proc')) expect(ours.inode).toBe(nodes.ino);
  const rdev = BigInt((ours.rdev.major << 8) | ours.rdev.minor);
  if (path === '/dev/null') expect([ours.rdev, rdev]).toEqual([{ major: 1, minor: 3 }, nodes.rdev]);
});

test('the identity of a file is the same by every name, and another for each file', () => {
  const scratch = scratchDirectory();
  scratch.directory('a');
  scratch.directory('b');
  const [a, again, b] = ['a', './b/../a', 'b'].map((name) => identityOf(statx(`${scratch.path}/${name}`)));
  expect(a).toEqual(again);
  expect(a).not.toEqual(b);
  expect(a).toHaveLength(16);
});

test('the id of a mount is that of its files, and as number the same', () => {
  const mask = STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
  const [root, etc, proc] = ['/', '/etc', '/proc'].map((path) => mountIdIn(statx(path, mask)));
  expect(root).toEqual(etc);
  expect(root).not.toEqual(proc);
  expect(mountIdNumber(root!)).toBe(decodeStat(statx('/', mask)).mountId);
});

test('a filesystem', () => {
  const fd = openSync('/proc', 'r');
  const ours = decodeFileSystemStat(callSync('fstatfs', fd));
  const { type, bsize, files } = statfsSync('/proc');
  expect(ours).toMatchObject({ type, blockSize: bsize, files });
  closeSync(fd);
  const root = openSync('/', 'r');
  expect(decodeFileSystemStat(callSync('fstatfs', root))).toMatchObject({ type: statfsSync('/').type });
  closeSync(root);
});
