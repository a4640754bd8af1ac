// Small files as steps: whole, or undefined for whatever reason.
import { expect, test } from 'vitest';
import { readIfPossible } from '../../lib/kernel/files.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { scratchDirectory } from '../support/scratch.ts';

const forms = [
  ['Sync', async (path: string) => runSync(readIfPossible(path))],
  ['promise', (path: string) => runAsync(readIfPossible(path))],
] as const;

test.each(forms)('%s: a file of the disk, one of /proc that has no size, an empty one', async (_, read) => {
  const scratch = scratchDirectory();
  const bytes = Buffer.from([0, 255, 10]);
  expect(await read(scratch.file('file', bytes))).toEqual(bytes);
  expect(await read(scratch.file('empty'))).toEqual(Buffer.alloc(0));
  expect(String(await read('/proc/self/status'))).toContain(`Pid:\t${process.pid}\n`);
});

test.each(forms)('%s: undefined for what is missing, a directory, or no path', async (_, read) => {
  const scratch = scratchDirectory();
  for (const path of [scratch.join('missing'), scratch.path, `${scratch.file('file')}/below`, 'a\0b']) {
    expect(await read(path), path).toBeUndefined();
  }
});
