// The trap of btrfs on a real filesystem: hundreds of containers fill the metadata, df shows room, and the hint cures it.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { OverlayError } from '../../lib/index.ts';
import type { Space } from '../../lib/kernel/btrfs/space.ts';
import { openStore } from '../../lib/store/index.ts';
import { balanceCommand, headroomOf } from '../../lib/store/metadata-space.ts';
import { run } from '../support/command.ts';
import { loopFilesystem } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';

const MIB = 2 ** 20;
const space = (fields: Partial<Space>): Space => ({
  data: { allocated: 800 * MIB, used: 100 * MIB, copies: 1 },
  metadata: { allocated: 256 * MIB, used: 100 * MIB, copies: 2 },
  system: { allocated: 8 * MIB, used: MIB, copies: 2 },
  reserve: 16 * MIB,
  unallocated: 0,
  ...fields,
});

test('free metadata is what is allocated and not used, and what can be allocated, for each copy', () => {
  expect(headroomOf(space({}))).toEqual({ free: 140 * MIB, needed: 16 * MIB });
  expect(headroomOf(space({ unallocated: 200 * MIB })).free).toBe(240 * MIB);
  // Too little for a block group is nothing.
  expect(headroomOf(space({ unallocated: 15 * MIB })).free).toBe(140 * MIB);
  const full = { allocated: 10 * 1024 * MIB, used: 10 * 1024 * MIB, copies: 1 };
  expect(headroomOf(space({ metadata: full }))).toEqual({
    free: 0,
    needed: Math.floor((10 * 1024 * MIB) / 50),
  });
});
test('a balance is proposed where there is room in data to give back, and none where there is not', () => {
  expect(balanceCommand(space({}), '/s')).toBe('btrfs balance start -dusage=25 /s');
  expect(
    balanceCommand(space({ data: { allocated: 800 * MIB, used: 795 * MIB, copies: 1 } }), '/s'),
  ).toBeUndefined();
});

function writeData(name: string, size: number): void {
  const file = openSync(name, 'w');
  try {
    writeSync(file, Buffer.alloc(size, 1));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

// Data is spread over all block groups and then thinned out, so that each keeps a little of it, also the last and smallest:
// one that comes to be empty would be given back in the background.
function spreadData(path: string): void {
  mkdirSync(join(path, 'thinned-out'));
  try {
    for (let i = 0; ; i++) {
      writeData(join(path, `kept${i}`), MIB / 2);
      writeData(join(path, `thinned-out/${i}`), 3.5 * MIB);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  rmSync(join(path, 'thinned-out'), { recursive: true });
  run('sync', '-f', path);
}

privileged('bites before the kernel does, says what holds how much, and the hint cures it', async () => {
  const { path } = loopFilesystem('btrfs', { sizeMiB: 1024 });
  spreadData(path);
  const store = await openStore(join(path, 'store'));
  expect(store.driver).toBe('btrfs');
  await store.prepare('base');
  const base = await store.mount('base');
  writeFileSync(join(base.path, 'file'), 'x');
  await base.unmount();
  await store.commit('image', 'base');
  let error: OverlayError | undefined;
  let made = 0;
  for (; made < 1000 && error === undefined; made++) {
    try {
      await store.prepare(`container ${made}`, 'image');
      const mounted = await store.mount(`container ${made}`);
      // Small files lie in the metadata.
      mkdirSync(join(mounted.path, 'var'));
      for (let i = 0; i < 40; i++) writeFileSync(join(mounted.path, `var/f${i}`), 'x'.repeat(2000));
      await mounted.unmount();
    } catch (caught) {
      error = caught as OverlayError;
    }
  }
  expect(error).toMatchObject({ code: 'ERR_STORE_METADATA_SPACE', path: join(path, 'store') });
  expect(error!.message).toMatch(
    /data: \d+ MiB allocated, \d+ MiB used; metadata: \d+ MiB allocated, \d+ MiB used.*unallocated: \d+ MiB/,
  );
  expect(error!.findings.length).toBeGreaterThan(3);
  expect(error!.findings[1]!.sentence).toMatch(
    /the snapshot "container \d+" has 4\d inodes and \d+ MiB of its own/,
  );
  expect(made).toBeGreaterThan(200);
  // df(1) sees nothing of it.
  const { bavail, bsize, blocks } = statfsSync(path);
  expect(bavail * bsize).toBeGreaterThan(200 * MIB);
  expect(bavail / blocks).toBeGreaterThan(0.2);
  // Nothing was lost, and nothing half-made is there.
  expect(await store.check()).toEqual([]);
  expect(error!.hint).toMatch(/^btrfs balance start -dusage=\d+ \//);
  execFileSync('sh', ['-c', error!.hint], { stdio: 'ignore' });
  await store.prepare('after the cure', 'image');
  await store.remove('after the cure');
  await store.close();
});
