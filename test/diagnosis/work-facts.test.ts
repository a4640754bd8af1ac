// Whether a directory can be made is tried, and nothing of it stays; what blocks a leftover is found as the driver would.
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { expect, test } from 'vitest';
import { lookAtDirectories } from '../../lib/diagnosis/directory-facts.ts';
import { isThere } from '../../lib/diagnosis/mount-facts.ts';
import type { Directory } from '../../lib/diagnosis/subject.ts';
import { lookForRoom, ROOM_TO_WORK, type Stuck, type WorkFacts } from '../../lib/diagnosis/work-facts.ts';
import { ENOENT, ENOSPC, EPERM } from '../../lib/kernel/errno.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { run } from '../support/command.ts';
import { loopFilesystem, tmpfsMount } from '../support/filesystems.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

async function lookAt(work: string | { fd: number }, below: '.' | '..' = '.'): Promise<WorkFacts> {
  const directory: Directory =
    typeof work === 'string'
      ? { option: 'work', path: work, absolute: work }
      : { option: 'work', fd: work.fd };
  const [looked] = runSync(lookAtDirectories([directory], []));
  if (!isThere(looked)) throw new Error('it is not there');
  const facts = runSync(lookForRoom(directory, below, looked.filesystem));
  expect(await runAsync(lookForRoom(directory, below, looked.filesystem))).toEqual(facts);
  return facts;
}

test('leaves no trace, not even a time', async () => {
  const work = scratchDirectory().directory('work');
  const before = statSync(work, { bigint: true });
  expect(await lookAt(work)).toEqual(ROOM_TO_WORK);
  expect(statSync(work, { bigint: true }).mtimeNs).toBe(before.mtimeNs);
});

test('a directory that was removed', async () => {
  const work = scratchDirectory().directory('work');
  const fd = openSync(work, 'r');
  rmdirSync(work);
  expect((await lookAt({ fd })).errno).toBe(ENOENT);
  closeSync(fd);
});

describePrivileged('room', () => {
  test('an immutable directory, itself and beside it', async () => {
    const scratch = scratchDirectory();
    const work = scratch.directory('outer', 'work');
    run('chattr', '+i', scratch.join('outer'));
    expect((await lookAt(work)).errno).toBe(0);
    expect((await lookAt(work, '..')).errno).toBe(EPERM);
    run('chattr', '-i', scratch.join('outer'));
  });

  test('no inode left, and no block: tmpfs makes directories without blocks, ext4 does not', async () => {
    const none = tmpfsMount({ inodes: 2 }).path;
    mkdirSync(`${none}/w`);
    expect((await lookAt(`${none}/w`)).errno).toBe(ENOSPC);
    const full = tmpfsMount({ size: '64k' }).path;
    mkdirSync(`${full}/w`);
    expect(() => writeFileSync(`${full}/filler`, Buffer.alloc(1 << 20))).toThrow();
    expect((await lookAt(`${full}/w`)).errno).toBe(0);
    const ext4 = loopFilesystem('ext4', { sizeMiB: 8, mkfs: ['-b', '1024', '-m', '0'] }).path;
    mkdirSync(`${ext4}/w`);
    expect(() => writeFileSync(`${ext4}/filler`, Buffer.alloc(1 << 24))).toThrow();
    const fill = () => {
      for (let i = 0; ; i++) mkdirSync(`${ext4}/${i}`);
    };
    // What is not yet on the disk holds more than it will take.
    run('sync', '-f', ext4);
    expect(fill).toThrow('ENOSPC');
    expect((await lookAt(`${ext4}/w`)).errno).toBe(ENOSPC);
    expect(readdirSync(`${ext4}/w`)).toEqual([]);
  });

  test('what the kernel keeps for root is no lack for root', async () => {
    const { path } = loopFilesystem('ext4', { sizeMiB: 16, mkfs: ['-b', '1024', '-m', '40'] });
    mkdirSync(`${path}/w`);
    const nobody = ['setpriv', '--reuid=65534', '--clear-groups', '--inh-caps=-all'] as const;
    run('chmod', '777', path);
    expect(() => run(...nobody, 'dd', 'if=/dev/zero', `of=${path}/filler`, 'bs=64k')).toThrow(
      'No space left',
    );
    expect((await lookAt(`${path}/w`)).errno).toBe(0);
  });

  test.each<[string, (leftover: string) => void, Stuck | undefined]>([
    ['nothing', () => {}, undefined],
    ['what the driver removes', (dir) => mkdirSync(`${dir}/a/b`, { recursive: true }), undefined],
    [
      'too deep a tree',
      (dir) => mkdirSync(`${dir}/a/b/c`, { recursive: true }),
      { path: 'work/a/b', why: 'deep' },
    ],
    [
      'an immutable file',
      (dir) => {
        writeFileSync(`${dir}/keep`, '');
        run('chattr', '+i', `${dir}/keep`);
      },
      { path: 'work/keep', why: 'fixed' },
    ],
    ['its own flag', (dir) => run('chattr', '+a', dir), { path: 'work', why: 'fixed' }],
    [
      'something mounted in it',
      (dir) => {
        mkdirSync(`${dir}/a`);
        run('mount', '-t', 'tmpfs', 'test', `${dir}/a`);
      },
      { path: 'work/a', why: 'mounted' },
    ],
  ])('a leftover with %s', async (_, fill, stuck) => {
    const work = scratchDirectory().directory('work');
    mkdirSync(`${work}/work`);
    chmodSync(`${work}/work`, 0);
    fill(`${work}/work`);
    try {
      expect(await lookAt(work)).toMatchObject({ errno: 0, stuck });
    } finally {
      run('chattr', '-R', '-ia', work);
    }
  });
});
