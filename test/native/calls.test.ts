// The calls by themselves, in both forms: what they give, how they fail, and that they do what the call of their name does.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { addon } from '../../lib/kernel/addon.ts';
import * as constants from '../../lib/kernel/constants.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { calls, native } from './arguments.ts';

const { AT_EMPTY_PATH, AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY } = constants;

test('each call has a promise form and a Sync form, and readable letters', () => {
  expect(calls.length).toBeGreaterThan(30);
  for (const [name, signature] of calls) {
    expect(native(name), name).toBeInstanceOf(Function);
    expect(native(`${name}Sync`), name).toBeInstanceOf(Function);
    expect(signature).toMatch(/^[fuqtb]{1,7}$/);
  }
  const child = Object.keys(addon.calls).filter((name) => !calls.some(([known]) => known === name));
  expect(child).toEqual(['chdir', 'unshare', 'setns', 'execve']);
  for (const name of child) expect([native(name), native(`${name}Sync`)]).toEqual([undefined, undefined]);
});

describe.each([
  ['promise', (name: string, ...args: unknown[]) => native(name)(...args) as Promise<unknown>],
  ['Sync', async (name: string, ...args: unknown[]) => native(`${name}Sync`)(...args)],
] as const)('in the %s form', (_, made) => {
  const opened = async <T>(path: string, flags: number, use: (fd: number) => Promise<T>): Promise<T> => {
    const fd = (await made('openat', AT_FDCWD, path, flags, 0)) as number;
    try {
      return await use(fd);
    } finally {
      expect(addon.close(fd)).toBe(true);
    }
  };

  test.each([
    ['openat', [AT_FDCWD, '/nowhere', O_PATH, 0], 'openat', 2],
    ['openat2', [AT_FDCWD, '/nowhere', O_PATH, 0, 0], 'openat2', 2],
    ['openat', [AT_FDCWD, '/dev/null', O_DIRECTORY, 0], 'openat', 20],
    ['statx', [-1, 'name', 0, 0], 'statx', 9],
    ['readlinkat', [AT_FDCWD, '/'], 'readlinkat', 22],
    ['fsconfig_set_string', [-1, 'key', 'value'], 'fsconfig', 22],
    ['fstatfs', [-1], 'fstatfs', 9],
    ['lseek', [-1, 0, 2], 'lseek', 9],
    ['ioctl', [-1, 0x5401, new Uint8Array(4)], 'ioctl', 9],
    ['getxattr', [-1, 'user.name'], 'getxattr', 2],
    ['write', [-1, 'text'], 'write', 9],
    ['dup3', [-1, 9999, 0], 'dup3', 9],
    ['require_at', ['abc', 1, 'cc'], 'require_at', 125],
    ['require_at', ['abc', 4, ''], 'require_at', 125],
    ['require_other_file', ['too short', ''], 'require_other_file', 22],
    ['require_subset', [new Uint8Array(8), ''], 'require_subset', 125],
  ])('%s(%o) fails with the name of the call and a positive errno', async (name, args, syscall, errno) => {
    expect(await made(name, ...args)).toEqual({ errno, syscall, step: 0, log: Buffer.alloc(0) });
  });

  test('bytes come as Buffers of their exact length', async () => {
    const scratch = scratchDirectory();
    const target = `${'é'.repeat(60)}\n`;
    symlinkSync(target, scratch.join('link'));
    expect(await made('readlinkat', AT_FDCWD, scratch.join('link'))).toEqual(Buffer.from(target));
    expect(await made('statx', AT_FDCWD, '/', 0, constants.STATX_BASIC_STATS)).toHaveLength(256);
    const file = scratch.file('file', 'content');
    await opened(file, O_RDONLY, async (fd) => {
      expect(await made('read', fd, 4)).toEqual(Buffer.from('cont'));
      expect(await made('read', fd, 100)).toEqual(Buffer.from('ent'));
      expect(await made('read', fd, 100)).toEqual(Buffer.alloc(0));
      expect(await made('fstatfs', fd)).toHaveLength(64);
    });
    await opened(scratch.path, O_RDONLY | O_DIRECTORY, async (fd) => {
      const names = ((await made('getdents64', fd, 4096)) as Buffer).toString('latin1');
      for (const name of ['link', 'file']) expect(names).toContain(`${name}\0`);
    });
  });

  test('paths are bytes, and relative ones start at the descriptor', async () => {
    const scratch = scratchDirectory();
    const name = Buffer.from([0x66, 0xff, 0xc3, 0x28, 0x0a]);
    await opened(scratch.path, O_PATH, async (dir) => {
      expect(await made('mkdirat', dir, name, 0o750)).toBeUndefined();
      expect(readdirSync(scratch.path, { encoding: 'buffer' })).toEqual([name]);
      expect(await made('fchmodat', dir, name, 0o711)).toBeUndefined();
      expect(await made('renameat2', dir, name, dir, 'ä', constants.RENAME_NOREPLACE)).toBeUndefined();
      expect(statSync(scratch.join('ä')).mode & 0o777).toBe(0o711);
      expect(await made('mknodat', dir, 'fifo', 0o010600, 0)).toBeUndefined();
      expect(await made('renameat2', dir, 'ä', dir, 'fifo', constants.RENAME_NOREPLACE)).toMatchObject({
        errno: 17,
      });
      expect(lstatSync(scratch.join('fifo')).isFIFO()).toBe(true);
      expect(await made('unlinkat', dir, 'fifo', 0)).toBeUndefined();
      expect(await made('unlinkat', dir, 'ä', 0)).toMatchObject({ errno: 21 });
      expect(await made('unlinkat', dir, 'ä', constants.AT_REMOVEDIR)).toBeUndefined();
    });
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  test('descriptors are born O_CLOEXEC', async () => {
    for (const flags of [O_PATH, O_RDONLY]) {
      await opened('/', flags, async (fd) => {
        const octal = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!;
        expect(Number.parseInt(octal, 8) & 0o2000000).toBe(0o2000000);
      });
    }
    const fd = (await made('openat2', AT_FDCWD, '/', O_PATH, 0, constants.RESOLVE_NO_SYMLINKS)) as number;
    expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^flags:\s*0?1[2-3]\d{6}$/m);
    expect(addon.close(fd)).toBe(true);
  });

  test('an O_PATH descriptor is good for statx and for its name', async () => {
    await opened('/usr', O_PATH, async (fd) => {
      expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe('/usr');
      expect(await made('statx', fd, '', AT_EMPTY_PATH, constants.STATX_INO)).toHaveLength(256);
    });
  });

  test('a lock keeps out another description of the same file', async () => {
    const path = scratchDirectory().path;
    await opened(path, O_RDONLY, (one) =>
      opened(path, O_RDONLY, async (two) => {
        const exclusive = constants.LOCK_EX | constants.LOCK_NB;
        expect(await made('flock', one, exclusive)).toBeUndefined();
        expect(await made('flock', two, exclusive)).toMatchObject({ errno: 11, syscall: 'flock' });
        expect(await made('flock', one, constants.LOCK_UN)).toBeUndefined();
        expect(await made('flock', two, exclusive)).toBeUndefined();
      }),
    );
  });

  test('a file gets mode, owner and times of what statx told of another', async () => {
    const [one, two] = [scratchDirectory().directory('one'), scratchDirectory().directory('two')];
    chmodSync(one, 0o2741);
    if (process.geteuid!() === 0) chownSync(one, 12, 34);
    const statx = await made('statx', AT_FDCWD, one, 0, constants.STATX_BASIC_STATS);
    expect(await made('fchownat_of', AT_FDCWD, two, statx)).toBeUndefined();
    expect(await made('fchmodat_of', AT_FDCWD, two, statx)).toBeUndefined();
    const [like, now] = [statSync(one), statSync(two)];
    expect([now.mode, now.uid, now.gid]).toEqual([like.mode, like.uid, like.gid]);
    utimesSync(one, -1.5, 2 ** 33 + 0.25);
    const times = await made('statx', AT_FDCWD, one, 0, constants.STATX_BASIC_STATS);
    expect(await made('utimensat_of', AT_FDCWD, two, times, 0)).toBeUndefined();
    const both = [one, two].map((path) => statSync(path, { bigint: true }));
    expect([both[1]!.atimeNs, both[1]!.mtimeNs]).toEqual([both[0]!.atimeNs, both[0]!.mtimeNs]);
    for (const name of ['fchownat_of', 'fchmodat_of', 'utimensat_of']) {
      expect(await made(name, AT_FDCWD, two, 'short', 0)).toMatchObject({
        errno: 22,
        syscall: name.slice(0, -3),
      });
    }
  });

  test('write writes all, and dup3 puts another file behind a number', async () => {
    const [one, two] = [scratchDirectory().file('one'), scratchDirectory().file('two')];
    const [first, second] = [openSync(one, 'r+'), openSync(two, 'r+')];
    try {
      expect(await made('write', first, 'ä')).toBeUndefined();
      expect(await made('dup3', second, first, 0o2000000)).toBeUndefined();
      expect(await made('write', first, new Uint8Array([0, 255]))).toBeUndefined();
      expect([readFileSync(one), readFileSync(two)]).toEqual([Buffer.from('ä'), Buffer.from([0, 255])]);
      const octal = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${first}`, 'utf8'))![1]!;
      expect(Number.parseInt(octal, 8) & 0o2000000).toBe(0o2000000);
    } finally {
      closeSync(first);
      closeSync(second);
    }
  });

  test('lseek moves where the next read begins', async () => {
    const file = scratchDirectory().file('file', 'content');
    await opened(file, O_RDONLY, async (fd) => {
      expect(await made('lseek', fd, 3, 0)).toBeUndefined();
      expect(await made('read', fd, 100)).toEqual(Buffer.from('tent'));
      expect(await made('lseek', fd, 0, constants.SEEK_END)).toBeUndefined();
      expect(await made('read', fd, 100)).toHaveLength(0);
    });
  });

  test('ioctl gives the structure back as the kernel left it, and leaves the one passed alone', async () => {
    const [fifo, given] = [scratchDirectory().join('fifo'), new Uint8Array([9, 9, 9, 9])];
    spawnSync('mkfifo', [fifo]);
    const fd = openSync(fifo, 'r+');
    try {
      writeSync(fd, 'abc');
      const FIONREAD = process.arch === 'ppc64' ? 0x4004667f : 0x541b;
      const got = (await made('ioctl', fd, FIONREAD, given)) as Buffer;
      expect(new Uint32Array(Uint8Array.from(got).buffer)).toEqual(new Uint32Array([3]));
      expect(given).toEqual(new Uint8Array([9, 9, 9, 9]));
    } finally {
      closeSync(fd);
    }
  });

  privileged('poll tells once that the mount table has changed', async () => {
    const scratch = scratchDirectory();
    await opened('/proc/self/mountinfo', O_RDONLY, async (fd) => {
      // Others mount too: what is asked is that a change is never missed.
      run('mount', '--bind', scratch.path, scratch.directory('bound'));
      expect(new Uint16Array(Uint8Array.from((await made('poll', fd, 2)) as Buffer).buffer)[0]).toBe(10);
    });
    expect(await made('poll', -1, 2)).toEqual(Buffer.alloc(2));
  });

  privileged('attributes are set, listed, read and removed through an O_PATH descriptor', async () => {
    const scratch = scratchDirectory();
    mkdirSync(scratch.join('directory'));
    const value = Buffer.from([0, 255, 10, 0]);
    await opened(scratch.join('directory'), O_PATH, async (fd) => {
      expect(await made('setxattr', fd, 'trusted.test', value, 0)).toBeUndefined();
      expect(((await made('listxattr', fd)) as Buffer).toString().split('\0')).toContain('trusted.test');
      expect(await made('getxattr', fd, 'trusted.test')).toEqual(value);
      expect(await made('removexattr', fd, 'trusted.test')).toBeUndefined();
      expect(await made('getxattr', fd, 'trusted.test')).toMatchObject({ errno: 61, syscall: 'getxattr' });
    });
  });

  test('conditions compare as they say', async () => {
    const ids = (...numbers: bigint[]) => new Uint8Array(new BigUint64Array(numbers).buffer);
    const statx = new Uint8Array(256);
    statx.set(ids(7n), 32);
    statx.set(ids(9n), 136);
    expect(await made('require_subset', ids(2n, 5n), ids(1n, 2n, 5n, 2n ** 63n))).toBeUndefined();
    expect(await made('require_subset', ids(), ids())).toBeUndefined();
    expect(await made('require_subset', ids(2n, 3n), ids(1n, 2n, 5n))).toMatchObject({ errno: 125 });
    expect(await made('require_subset', ids(9n), ids(1n, 2n, 5n))).toMatchObject({ errno: 125 });
    expect(await made('require_other_file', statx, ids(7n, 8n, 1n, 9n))).toBeUndefined();
    expect(await made('require_other_file', statx, ids(1n, 9n, 7n, 9n))).toMatchObject({ errno: 125 });
    expect(await made('require_absent', 'abcd', 'ac')).toBeUndefined();
    expect(await made('require_absent', '', 'a')).toBeUndefined();
    expect(await made('require_absent', 'abcd', 'bc')).toMatchObject({ errno: 125 });
    expect(await made('require_at', 'abcd', 1, 'bc')).toBeUndefined();
    expect(await made('require_at', 'abcd', 4, '')).toBeUndefined();
    expect(await made('require_at', 'abcd', 3, 'de')).toMatchObject({ errno: 125 });
  });
});
