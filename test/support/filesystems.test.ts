import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from './command.ts';
import { bindfsMount, type LoopKind, loopDevices, loopFilesystem, tmpfsMount } from './filesystems.ts';
import { mounts } from './mounts.ts';
import { needPrivilege } from './privilege.ts';
import { scratchDirectory } from './scratch.ts';
import { tree } from './tree.ts';

const kinds: LoopKind[] = ['ext4', 'xfs', 'btrfs', 'squashfs', 'erofs'];

test.each(kinds)('mounts an image of %s with content', (kind) => {
  const from = scratchDirectory();
  from.file('dir/file', 'text');
  const made = loopFilesystem(kind, { from: from.path });
  expect(readFileSync(`${made.path}/dir/file`, 'utf8')).toBe('text');
  expect(mounts().find(({ source }) => source === made.device)?.type).toBe(kind);
  expect(loopDevices()).toContainEqual({ device: made.device, file: made.image });
});

test.each(kinds)('takes an image of %s down before the test ends, when told', (kind) => {
  const made = loopFilesystem(kind);
  made[Symbol.dispose]();
  expect(mounts().some(({ source }) => source === made.device)).toBe(false);
  expect(loopDevices().some(({ file }) => file === made.image)).toBe(false);
});

test('may lie below an overlay that an older scratch directory still has mounted', () => {
  needPrivilege();
  const { lower, target } = scratchDirectory().layers();
  const { path } = loopFilesystem('ext4');
  const options = `lowerdir=${lower[0]},upperdir=${path}/upper,workdir=${path}/work`;
  run('mkdir', `${path}/upper`, `${path}/work`);
  run('mount', '-t', 'overlay', 'overlay', '-o', options, target);
});

test('has released the devices of earlier tests', () => {
  expect(loopDevices().filter(({ file }) => file.startsWith(process.env.TMPDIR!))).toEqual([]);
});

test('gives two filesystems in one scratch directory, of the size and with the options asked for', () => {
  needPrivilege();
  const scratch = scratchDirectory();
  const [small, closed] = [
    loopFilesystem('ext4', { scratch, sizeMiB: 8 }),
    loopFilesystem('ext4', { scratch, options: 'ro', mkfs: ['-L', 'closed'] }),
  ];
  expect(() => writeFileSync(`${small.path}/large`, Buffer.alloc(9 * 2 ** 20))).toThrow('ENOSPC');
  expect(() => writeFileSync(`${closed.path}/file`, '')).toThrow('EROFS');
});

test('mounts a tmpfs of a size, and a ramfs', () => {
  const small = tmpfsMount({ size: '64k', inodes: 10 });
  expect(() => writeFileSync(`${small.path}/large`, Buffer.alloc(2 ** 17))).toThrow('ENOSPC');
  expect(tmpfsMount({ type: 'ramfs' })).toMatchObject({ type: 'ramfs' });
});

test('shows a directory through FUSE', () => {
  const scratch = scratchDirectory();
  scratch.file('from/file', 'text');
  const fuse = bindfsMount(scratch.join('from'));
  expect(tree(fuse.path)).toEqual({ file: 'text' });
  fuse[Symbol.dispose]();
  expect(existsSync(`${fuse.path}/file`)).toBe(false);
});
