// Chains of calls in one job: what a step refers to, what is handed out, what is closed, and how a failure reads.
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { callSync, close } from '../../lib/kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  procPath,
  STATX_INO,
} from '../../lib/kernel/constants.ts';
import { KernelError } from '../../lib/kernel/kernel-error.ts';
import { KEEP, LOG, MAY_FAIL, Program, WANT } from '../../lib/kernel/program.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { decodeStat } from '../../lib/kernel/stat.ts';
import { openDescriptors } from '../support/leaks.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

type Run = (program: Program) => Promise<Program>;
const drivers: [string, Run][] = [
  ['sync', async (program) => runSync(program.run())],
  ['promise', (program) => runAsync(program.run())],
];
const flags = O_PATH | O_DIRECTORY;

async function failure(run: Promise<unknown>): Promise<KernelError> {
  const error = await run.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(KernelError);
  return error as KernelError;
}

describe.each(drivers)('%s', (_, run) => {
  test('a later step uses what an earlier one opened, and nothing stays open', async () => {
    const scratch = scratchDirectory();
    scratch.file('a/b/file', 'text');
    const before = openDescriptors();
    const program = new Program();
    const a = program.add('openat', 0, AT_FDCWD, scratch.join('a'), flags, 0);
    const b = program.add('openat', 0, a, 'b', flags, 0);
    const inner = program.add('statx', WANT, b, 'file', 0, STATX_INO);
    const outer = program.add('statx', WANT, AT_FDCWD, scratch.join('a/b/file'), 0, STATX_INO);
    await run(program);
    expect(decodeStat(program.bytes(inner)!).inode).toBe(decodeStat(program.bytes(outer)!).inode);
    expect(openDescriptors()).toEqual(before);
  });

  test('one that repeats runs again, also after a failure, and gives what each run gave', async () => {
    const scratch = scratchDirectory();
    const program = new Program().repeating();
    const step = program.add('openat', KEEP, AT_FDCWD, scratch.join('late'), flags, 0);
    const error = await failure(run(program));
    scratch.directory('late');
    await run(program);
    const first = program.value(step);
    await run(program);
    const second = program.value(step);
    expect(error.call).toContain(scratch.join('late'));
    expect(second).not.toBe(first);
    expect([first, second].map((fd) => readlinkSync(procPath(fd)))).toEqual(
      [1, 2].map(() => scratch.join('late')),
    );
    expect([close(first), close(second)]).toEqual([true, true]);
    program.release();
  });

  test('one that tells nothing still fails', async () => {
    const silent = new Program();
    silent.add('mkdirat', 0, AT_FDCWD, '/proc/no', 0o700);
    expect(await failure(run(silent))).toMatchObject({ syscall: 'mkdirat' });
  });

  test('a kept descriptor is handed out, and is ours to close', async () => {
    const scratch = scratchDirectory();
    const program = new Program();
    const step = program.add('openat', KEEP, AT_FDCWD, scratch.path, flags, 0);
    await run(program);
    const fd = program.value(step);
    expect(readlinkSync(procPath(fd))).toBe(scratch.path);
    expect([close(fd), close(fd)]).toEqual([true, false]);
  });

  test('a failure ends the program, says where, and closes what was to be kept', async () => {
    const before = openDescriptors();
    const program = new Program();
    program.add('openat', KEEP, AT_FDCWD, '/', flags, 0);
    program.add('openat', KEEP, AT_FDCWD, '/nowhere', flags, 0);
    program.add('openat', KEEP, AT_FDCWD, '/', flags, 0);
    const error = await failure(run(program));
    expect(error).toMatchObject({ step: 1, errno: -2, code: 'ENOENT', syscall: 'openat' });
    expect(error.message).toMatch(/^openat\(AT_FDCWD, "\/nowhere", 0x\w+, 0\): ENOENT$/);
    expect(openDescriptors()).toEqual(before);
  });

  test('a step that may fail gives its errno, and the program goes on', async () => {
    const program = new Program();
    const missing = program.add('openat', KEEP | MAY_FAIL, AT_FDCWD, '/nowhere', flags, 0);
    const unseen = program.add('statx', WANT | MAY_FAIL, AT_FDCWD, '/nowhere', 0, STATX_INO);
    const root = program.add('statx', WANT, AT_FDCWD, '/', 0, STATX_INO);
    await run(program);
    expect([program.value(missing), program.value(unseen)]).toEqual([-2, -2]);
    expect(program.bytes(unseen)).toBeUndefined();
    expect(decodeStat(program.bytes(root)!).isDirectory).toBe(true);
  });

  test('bytes of an earlier step are an argument of a later one', async () => {
    const program = new Program();
    const one = program.add('statx', 0, AT_FDCWD, '/', 0, STATX_INO);
    const two = program.add('statx', 0, AT_FDCWD, '/', 0, STATX_INO);
    program.add(
      'require_at',
      0,
      program.bytesOf(one),
      32,
      callSync('statx', AT_FDCWD, '/', 0, STATX_INO).subarray(32, 40),
    );
    program.add('require_other_file', 0, program.bytesOf(two), Buffer.alloc(16));
    await run(program);
    const other = new Program();
    const root = other.add('statx', 0, AT_FDCWD, '/', 0, STATX_INO);
    other.add('require_at', 0, other.bytesOf(root), 32, Buffer.alloc(8, 0xff));
    const error = await failure(run(other));
    expect(error).toMatchObject({ code: 'ECANCELED', step: 1 });
    expect(error.message).toMatch(
      /^require_at\(<result of <?.*statx.*>?>, 0x20, <8 bytes>\): ECANCELED$|require_at/,
    );
  });

  test('given descriptors are closed with the program, and come back when it fails', async () => {
    const open = () => callSync('openat', AT_FDCWD, '/', flags, 0);
    const given = [open(), open()];
    await run(new Program(given));
    expect(given.map((fd) => close(fd))).toEqual([false, false]);
    const again = [open(), open()];
    const failing = new Program(again);
    failing.close(again[0]!);
    failing.add('openat', 0, AT_FDCWD, '/nowhere', flags, 0);
    await failure(run(failing));
    // The first was ended by its step; the second is ours again.
    expect(again.map((fd) => close(fd))).toEqual([false, true]);
  });

  test('programs and results grow beyond their first buffers', async () => {
    const scratch = scratchDirectory();
    const name = 'n'.repeat(200);
    const path = scratch.directory(...Array.from({ length: 15 }, () => name));
    const program = new Program();
    const steps = Array.from({ length: 300 }, () => program.add('statx', WANT, AT_FDCWD, path, 0, STATX_INO));
    const fd = callSync('openat', AT_FDCWD, path, flags, 0);
    const link = program.add('readlinkat', WANT, AT_FDCWD, procPath(fd));
    await run(program);
    expect(program.bytes(link)!.toString()).toBe(path);
    const inodes = new Set(steps.map((step) => decodeStat(program.bytes(step)!).inode));
    expect(inodes.size).toBe(1);
    close(fd);
  });

  test('two programs do not disturb each other', async () => {
    const programs = Array.from({ length: 40 }, (_, i) => {
      const program = new Program();
      const step = program.add(
        'readlinkat',
        WANT | MAY_FAIL,
        AT_FDCWD,
        i % 2 ? '/proc/self/exe' : '/proc/self/cwd',
      );
      return { program, step };
    });
    await Promise.all(programs.map(({ program }) => run(program)));
    programs.forEach(({ program, step }, i) => {
      expect(program.bytes(step)!.toString()).toBe(i % 2 ? process.execPath : process.cwd());
    });
  });
});

test('text is passed as UTF-8, bytes as they are, and both end in NUL', () => {
  const scratch = scratchDirectory();
  for (const name of ['ü€😀', Buffer.from([0x61, 0xff])]) {
    const program = new Program();
    const parent = program.add('openat', 0, AT_FDCWD, scratch.path, flags, 0);
    program.add('mkdirat', 0, parent, name, 0o755);
    const stat = program.add('statx', WANT, parent, name, 0, STATX_INO);
    runSync(program.run());
    expect(decodeStat(program.bytes(stat)!).isDirectory).toBe(true);
  }
});

test('a descriptor that the caller opened may be used, and stays open', () => {
  const fd = openSync('/', 'r');
  const program = new Program();
  const stat = program.add('statx', WANT, fd, '', AT_EMPTY_PATH, STATX_INO);
  runSync(program.run());
  expect(decodeStat(program.bytes(stat)!).isDirectory).toBe(true);
  closeSync(fd);
});

describePrivileged('with a file-system context', () => {
  test.each(drivers)("the error has the kernel's own words (%s)", async (_, run) => {
    const program = new Program();
    const context = program.add('fsopen', LOG, 'overlay', 1);
    program.add('fsconfig_set_string', 0, context, 'source', 'x');
    program.add('fsconfig_set_string', 0, context, 'no_such_key', 'value');
    const error = await failure(run(program));
    expect(error).toMatchObject({ step: 2, code: 'EINVAL', syscall: 'fsconfig' });
    expect(error.log).toMatch(/Unknown parameter 'no_such_key'/);
    expect(error.message).toMatch(
      /^fsconfig\(overlay, FSCONFIG_SET_STRING, "no_such_key", "value"\): EINVAL \(the kernel says: .*Unknown parameter/,
    );
  });
});
