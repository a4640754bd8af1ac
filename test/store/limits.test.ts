// Limits of snapshots hold on real filesystems, and are refused where nothing would hold them.
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { directoryName } from '../../lib/format/store/record.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { EINVAL } from '../../lib/kernel/errno.ts';
import { ioctlNumber } from '../../lib/kernel/ioctl-number.ts';
import { isProjectFree, readProject } from '../../lib/kernel/project-quota.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { openStore, type Store } from '../../lib/store/index.ts';
import { run } from '../support/command.ts';
import { loopFilesystem, tmpfsMount } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { skip } from '../support/requirement.ts';
import { scratchDirectory } from '../support/scratch.ts';

const MIB = 1 << 20;

/** As an ordinary user: root with CAP_SYS_RESOURCE is above all quotas. Gives what the shell says. */
function writeAs(directory: string, script: string): string {
  const words = ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', script];
  return spawnSync('setpriv', words, { cwd: directory, encoding: 'utf8', env: { LC_ALL: 'C' } }).stderr;
}

async function prepared(store: Store, limits: { bytes?: number; inodes?: number }) {
  await store.prepare('base');
  await store.commit('image', 'base');
  await store.prepare('limited', 'image', { limits });
  // Attached, since a shell asks for its directory.
  const mounted = await store.mount('limited', scratchDirectory().directory('target'));
  chmodSync(mounted.path, 0o777);
  return mounted;
}

/** What the kernel was built with, where it tells. */
function kernelConfig(): string {
  try {
    return gunzipSync(readFileSync('/proc/config.gz')).toString();
  } catch {
    return '';
  }
}

function quotaExt4(): string {
  if (kernelConfig().includes('# CONFIG_QFMT_V2 is not set'))
    return skip('this kernel was built without CONFIG_QFMT_V2, and mounts no ext4 with quotas');
  return loopFilesystem('ext4', { sizeMiB: 64, mkfs: ['-O', 'quota,project'], options: 'prjquota' }).path;
}

/** The project of a snapshot's data, and whether its number is free again. */
async function projectOf(store: Store, key: string): Promise<number> {
  const path = join(String(store.root), 'snapshots', directoryName(key), 'fs');
  const fd = openSync(path, 'r');
  try {
    return runSync(readProject(fd));
  } finally {
    closeSync(fd);
  }
}

function isFree(store: Store, project: number): boolean {
  const fd = openSync(String(store.root), 'r');
  try {
    return runSync(isProjectFree(fd, project));
  } finally {
    closeSync(fd);
  }
}

privileged('bytes and inodes are limited by a project quota on ext4', async () => {
  const path = quotaExt4();
  const store = await openStore(join(path, 'store'));
  const mounted = await prepared(store, { bytes: 4 * MIB, inodes: 50 });
  expect((await store.stat('limited')).limits).toEqual({ bytes: 4 * MIB, inodes: 50 });
  expect(writeAs(mounted.path, 'head -c 3M /dev/zero > three')).toBe('');
  expect(writeAs(mounted.path, 'head -c 3M /dev/zero > six')).toContain('quota exceeded');
  expect(writeAs(mounted.path, 'rm three six; for i in $(seq 60); do : > f$i; done')).toContain(
    'quota exceeded',
  );
  await mounted.unmount();
  const project = await projectOf(store, 'limited');
  expect(isFree(store, project)).toBe(false);
  await store.remove('limited');
  expect(isFree(store, project)).toBe(true);
  await store.close();
});
privileged('what was limited is committed without limits', async () => {
  const store = await openStore(join(quotaExt4(), 'store'));
  await (await prepared(store, { bytes: MIB })).unmount();
  expect((await store.commit('committed', 'limited')).limits).toBeUndefined();
  await store.close();
});
privileged('bytes are limited by a qgroup on btrfs, where quotas are on', async () => {
  const { path } = loopFilesystem('btrfs', { sizeMiB: 256 });
  const store = await openStore(join(path, 'store'));
  const refused = store.prepare('early', undefined, { limits: { bytes: MIB } });
  await expect(refused).rejects.toMatchObject({
    code: 'ERR_STORE_NO_QUOTA',
    hint: expect.stringContaining('btrfs quota enable'),
  });
  run('btrfs', 'quota', 'enable', path);
  // It counts in the background what was there.
  run('btrfs', 'quota', 'rescan', '-w', path);
  const mounted = await prepared(store, { bytes: 8 * MIB });
  expect(writeAs(mounted.path, 'head -c 4M /dev/zero > four && sync four')).toBe('');
  expect(writeAs(mounted.path, 'head -c 16M /dev/zero > twenty && sync twenty')).toContain('quota exceeded');
  await mounted.unmount();
  run('sync', '-f', path);
  const usage = await store.usage('limited');
  expect(usage.bytes).toBeGreaterThanOrEqual(4 * MIB);
  expect(usage.bytes).toBeLessThanOrEqual(9 * MIB);
  const inodes = store.prepare('inodes', 'image', { limits: { inodes: 10 } });
  await expect(inodes).rejects.toMatchObject({
    code: 'ERR_STORE_NO_QUOTA',
    message: expect.stringContaining('inodes'),
  });
  expect((await store.list()).map(({ name }) => name)).toEqual(['image', 'limited']);
  await store.remove('limited');
  await store.close();
});
// struct btrfs_ioctl_quota_ctl_args (linux/btrfs.h); btrfs-progs has `quota enable --simple` from 6.7 on.
function enableSimpleQuotas(path: string): void {
  const QUOTA_CTL = ioctlNumber('both', 0x94, 40, 16);
  const command = Buffer.alloc(16);
  command.writeBigUInt64LE(4n);
  const fd = openSync(path, 'r');
  try {
    callSync('ioctl', fd, QUOTA_CTL, command);
  } catch (error) {
    if ((error as { errno?: number }).errno === -EINVAL) skip('this kernel has no simple quotas (Linux 6.7)');
    throw error;
  } finally {
    closeSync(fd);
  }
}

privileged('simple quotas limit too, and count what a snapshot takes', async () => {
  const { path } = loopFilesystem('btrfs', { sizeMiB: 256 });
  enableSimpleQuotas(path);
  const store = await openStore(join(path, 'store'));
  const mounted = await prepared(store, { bytes: 8 * MIB });
  expect(writeAs(mounted.path, 'head -c 4M /dev/zero > four && sync four')).toBe('');
  run('sync', '-f', path);
  const { bytes } = await store.usage('limited');
  expect(bytes).toBeGreaterThanOrEqual(4 * MIB);
  expect(bytes).toBeLessThanOrEqual(5 * MIB);
  expect(writeAs(mounted.path, 'head -c 16M /dev/zero > twenty && sync twenty')).toContain('quota exceeded');
  await mounted.unmount();
  await store.remove('limited');
  // Another has limits of its own.
  await store.prepare('next', 'image', { limits: { bytes: 2 * MIB } });
  const next = await store.mount('next', scratchDirectory().directory('target'));
  chmodSync(next.path, 0o777);
  expect(writeAs(next.path, 'head -c 1M /dev/zero > one && sync one')).toBe('');
  expect(writeAs(next.path, 'head -c 4M /dev/zero > four && sync four')).toContain('quota exceeded');
  await next.unmount();
  // What is committed has none, and can be a parent.
  const committed = await store.commit('committed', 'next');
  expect(committed.limits).toBeUndefined();
  await store.prepare('child', 'committed');
  const child = await store.mount('child', scratchDirectory().directory('target'));
  chmodSync(child.path, 0o777);
  expect(writeAs(child.path, 'head -c 16M /dev/zero > sixteen && sync sixteen')).toBe('');
  await child.unmount();
  await store.close();
});
const NO_QUOTA = {
  ext4: [
    () => loopFilesystem('ext4').path,
    'its filesystem has no project quotas switched on',
    'mount it with -o prjquota',
  ],
  xfs: [() => loopFilesystem('xfs').path, 'its filesystem has no quotas', 'ext4 or XFS with project quotas'],
  tmpfs: [() => tmpfsMount().path, 'its filesystem has no quotas', 'ext4 or XFS with project quotas'],
} as const;

describe.each(Object.entries(NO_QUOTA))('on %s without quotas', (_, [place, why, hint]) => {
  privileged('limits are refused with the reason, and nothing is left', async () => {
    const store = await openStore(join(place(), 'store'));
    await store.prepare('base');
    await store.commit('image', 'base');
    for (const parent of [undefined, 'image'])
      await expect(store.prepare('key', parent, { limits: { bytes: MIB } })).rejects.toMatchObject({
        code: 'ERR_STORE_NO_QUOTA',
        option: 'limits',
        message: expect.stringContaining(why),
        hint: expect.stringContaining(hint),
      });
    expect((await store.list()).map(({ name }) => name)).toEqual(['image']);
    expect(await store.check()).toEqual([]);
    await store.prepare('without limits', 'image');
    await store.close();
  });
});
privileged('limits that are none are refused', async () => {
  const store = await openStore(scratchDirectory().join('store'));
  await expect(store.prepare('key', undefined, { limits: { bytes: 0.5 } })).rejects.toMatchObject({
    code: 'ERR_OVERLAY_INVALID_VALUE',
  });
  await expect(store.prepare('key', undefined, { limits: { blocks: 1 } as never })).rejects.toMatchObject({
    code: 'ERR_OVERLAY_UNKNOWN_OPTION',
  });
  expect(await store.list()).toEqual([]);
  await store.close();
});
