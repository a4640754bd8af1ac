// What the probe says of directories on filesystems that matter to overlay.
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { expect } from 'vitest';
import type { Features } from '../../../lib/kernel/features/features.ts';
import { features } from '../../../lib/mount/features.ts';
import { run } from '../../support/command.ts';
import { bindfsMount, loopFilesystem, tmpfsMount } from '../../support/filesystems.ts';
import { privileged } from '../../support/privilege.ts';
import { skip } from '../../support/requirement.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { probeAsNobody } from './probe.ts';

type Directory = NonNullable<Features['directory']>;

async function probed(dir: string): Promise<Directory> {
  const { directory } = await features(dir);
  expect(readdirSync(dir).filter((name) => name.includes('probe'))).toEqual([]);
  return directory!;
}

/** The answers alone, without their words. */
function availability(directory: Directory): Record<string, unknown> {
  const answers = Object.entries(directory).filter(([, value]) => 'available' in value);
  return Object.fromEntries(
    answers.map(([name, value]) => [name, (value as { available: unknown }).available]),
  );
}

const everything = {
  writable: true,
  dType: true,
  trustedXattr: true,
  userXattr: true,
  renameWhiteout: true,
  tmpfile: true,
  fileHandles: true,
  usableAsUpper: true,
  usableAsLower: true,
};

privileged('ext4 can do everything', async () => {
  const { path } = loopFilesystem('ext4');
  const directory = await probed(path);
  const { dev } = statSync(path);
  expect(availability(directory)).toEqual(everything);
  expect(directory.filesystem).toMatchObject({
    type: 'ext4',
    magic: 0xef53,
    device: `${(dev >> 8) & 0xfff}:${dev & 0xff}`,
    readOnly: false,
  });
  const free = Number(run('stat', '--file-system', '--format', '%a', path));
  const size = Number(run('stat', '--file-system', '--format', '%S', path));
  expect(directory.filesystem.freeBytes).toBe(free * size);
  expect(directory.filesystem.freeInodes).toBe(Number(run('stat', '--file-system', '--format', '%d', path)));
  expect(directory.stackDepth.left).toBe(2);
});

privileged('tmpfs can do everything, and its free room is counted', async () => {
  const { path } = tmpfsMount({ size: '1m', inodes: 100 });
  const directory = await probed(path);
  expect(availability(directory)).toEqual(everything);
  expect(directory.filesystem).toMatchObject({ type: 'tmpfs', freeBytes: 2 ** 20, freeInodes: 99 });
});

privileged('btrfs has no limit of inodes', async () => {
  const directory = await probed(loopFilesystem('btrfs').path);
  expect(availability(directory)).toEqual(everything);
  expect(directory.filesystem).toMatchObject({ type: 'btrfs', freeInodes: undefined });
});

/** Kernels built without CONFIG_XFS_SUPPORT_V4 do not mount it. */
function oldXfs(mkfs: readonly string[]): string {
  try {
    return loopFilesystem('xfs', { mkfs }).path;
  } catch (error) {
    if (/wrong fs type/.test(String(error))) skip('this kernel mounts no xfs of version 4');
    throw error;
  }
}

privileged('xfs without ftype is no upper: deleted names would stay visible', async () => {
  const mkfs = ['-m', 'crc=0', '-n', 'ftype=0'];
  const directory = await probed(oldXfs(mkfs));
  expect(directory.dType).toMatchObject({ available: false, remedy: expect.stringContaining('ftype=1') });
  expect(directory.usableAsUpper).toMatchObject({
    available: false,
    reason: expect.stringContaining('DT_UNKNOWN'),
  });
  expect(directory.usableAsLower.available).toBe(true);
});

privileged('ramfs keeps no attributes, so that it cannot hide a directory', async () => {
  const directory = await probed(tmpfsMount({ type: 'ramfs' }).path);
  expect(availability(directory)).toMatchObject({
    trustedXattr: false,
    userXattr: false,
    renameWhiteout: false,
    fileHandles: false,
    usableAsUpper: false,
    usableAsLower: true,
  });
});

privileged('FUSE without RENAME_WHITEOUT is a lower only', async () => {
  const directory = await probed(bindfsMount(scratchDirectory().path).path);
  expect(directory.filesystem.type).toBe('fuse');
  expect(availability(directory)).toMatchObject({
    renameWhiteout: false,
    usableAsUpper: false,
    usableAsLower: true,
  });
});

privileged('squashfs is read-only, and a lower', async () => {
  const scratch = scratchDirectory();
  scratch.file('content/file');
  const directory = await probed(loopFilesystem('squashfs', { from: scratch.join('content') }).path);
  expect(directory.filesystem).toMatchObject({ type: 'squashfs', readOnly: true });
  expect(availability(directory)).toMatchObject({
    writable: false,
    dType: true,
    trustedXattr: 'unknown',
    renameWhiteout: 'unknown',
    usableAsUpper: false,
    usableAsLower: true,
  });
  expect(directory.usableAsUpper.reason).toContain('EROFS');
});

privileged('a read-only bind mount of a writable filesystem is read-only', async () => {
  const scratch = scratchDirectory();
  const [from, to] = [scratch.directory('from'), scratch.directory('to')];
  run('mount', '--bind', '-o', 'ro', from, to);
  const directory = await probed(to);
  expect(directory.filesystem.readOnly).toBe(true);
  expect(directory.usableAsUpper.available).toBe(false);
});

privileged('the stack depth shrinks with every overlay', async () => {
  const scratch = scratchDirectory();
  const { path } = tmpfsMount();
  let lower = path;
  const left: unknown[] = [];
  for (const name of ['one', 'two']) {
    const [empty, point] = [scratch.directory(`${name}-empty`), scratch.directory(name)];
    run('mount', '-t', 'overlay', 'x', '-o', `lowerdir=${lower}:${empty}`, point);
    const directory = await probed(point);
    left.push(
      directory.stackDepth.left,
      directory.usableAsLower.available,
      directory.usableAsUpper.available,
    );
    lower = point;
  }
  expect(left).toEqual([1, true, false, 0, false, false]);
});

privileged('a writable overlay cannot be an upper', async () => {
  const { path } = tmpfsMount();
  for (const name of ['l', 'u', 'w', 'm']) mkdirSync(`${path}/${name}`);
  run(
    'mount',
    '-t',
    'overlay',
    'x',
    '-o',
    `lowerdir=${path}/l,upperdir=${path}/u,workdir=${path}/w`,
    `${path}/m`,
  );
  const directory = await probed(`${path}/m`);
  expect(directory.filesystem).toMatchObject({ type: 'overlay', readOnly: false });
  expect(directory.writable.available).toBe(true);
  expect(directory.usableAsUpper).toMatchObject({
    available: false,
    remedy: expect.stringContaining('ext4'),
  });
});

privileged('a filesystem without free inodes is no upper', async () => {
  const { path } = tmpfsMount({ inodes: 3 });
  const directory = await probed(path);
  expect(directory.filesystem.freeInodes).toBe(2);
  expect(directory.usableAsUpper).toMatchObject({
    available: false,
    reason: expect.stringContaining('ENOSPC'),
  });
});

privileged('an ordinary user hears of a directory that is not theirs', () => {
  const dir = scratchDirectory().directory('of root');
  const directory = probeAsNobody({ dir }).directory!;
  expect(directory.writable).toMatchObject({
    available: false,
    reason: expect.stringContaining('EACCES'),
    remedy: expect.stringContaining('right to write'),
  });
  expect(directory.usableAsUpper.available).toBe(false);
});
