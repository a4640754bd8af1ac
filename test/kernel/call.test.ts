// One call by itself in its three forms, and what its failure says.
import { readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { call, callAsync, callSync, close } from '../../lib/kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH, STATX_BASIC_STATS } from '../../lib/kernel/constants.ts';
import { KernelError } from '../../lib/kernel/kernel-error.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import type { CallResult, CallSignatures } from '../../lib/kernel/signatures.ts';
import { openDescriptors } from '../support/leaks.ts';
import { scratchDirectory } from '../support/scratch.ts';

type Caller = <K extends keyof CallSignatures>(name: K, ...args: CallSignatures[K]) => Promise<CallResult<K>>;
type Given = [name: 'fstatfs', file: number];

// The forms differ in how they run, not in what they take: one of the signatures stands for all.
const forms = (
  [
    ['callSync', async (...given: Given) => callSync(...given)],
    ['callAsync', (...given: Given) => callAsync(...given)],
    ['call, run here', async (...given: Given) => runSync(call(...given))],
    ['call, run on the pool', (...given: Given) => runAsync(call(...given))],
  ] as const
).map(([name, make]): [string, Caller] => [name, make as unknown as Caller]);

async function errorOf(promise: Promise<unknown>): Promise<KernelError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KernelError);
  return error as KernelError;
}

describe.each(forms)('%s', (_, make) => {
  test('gives a descriptor, bytes, or nothing', async () => {
    const before = openDescriptors();
    const scratch = scratchDirectory();
    const fd = await make('openat', AT_FDCWD, scratch.path, O_PATH | O_DIRECTORY, 0);
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe(scratch.path);
    expect(await make('mkdirat', fd, 'made', 0o700)).toBeUndefined();
    expect(await make('statx', fd, 'made', 0, STATX_BASIC_STATS)).toHaveLength(256);
    expect(close(fd)).toBe(true);
    expect(close(fd)).toBe(false);
    expect(openDescriptors()).toEqual(before);
  });
  test('fails with the whole call', async () => {
    const error = await errorOf(make('openat', AT_FDCWD, Buffer.from('/no "where"'), O_PATH, 0));
    expect(error).toMatchObject({ errno: -2, code: 'ENOENT', syscall: 'openat', step: 0, log: '' });
    expect(error.message).toBe('openat(AT_FDCWD, "/no \\"where\\"", 0x200000, 0): ENOENT');
  });
  test('names the system call where several functions share one', async () => {
    const error = await errorOf(make('fsconfig_set_string', -1, 'lowerdir+', '/a'));
    expect(error.syscall).toBe('fsconfig');
    expect(error.message).toBe('fsconfig(-1, FSCONFIG_SET_STRING, "lowerdir+", "/a"): EINVAL');
  });
  test('refuses a wrong type as a TypeError', async () => {
    await expect(make('openat', AT_FDCWD, 7 as never, 0, 0)).rejects.toThrow(TypeError);
  });
});

test('a call does nothing until the routine runs', () => {
  const scratch = scratchDirectory();
  const routine = call('mkdirat', AT_FDCWD, scratch.join('made'), 0o700);
  expect(() => callSync('readlinkat', AT_FDCWD, scratch.join('made'))).toThrow('ENOENT');
  runSync(routine);
  expect(() => callSync('readlinkat', AT_FDCWD, scratch.join('made'))).toThrow('EINVAL');
});
