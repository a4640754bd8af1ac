// Small files as steps: whole, or undefined for whatever reason.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readFiles, readIfPossible } from '../../lib/kernel/files.ts';
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

test('several in one program: what is longer than expected is whole too, what cannot be read is missing', async () => {
  const scratch = scratchDirectory();
  const long = Buffer.alloc(50_000, 'x');
  const paths = [scratch.file('long', long), scratch.join('no'), '/proc/self/uid_map', scratch.file('empty')];
  for (const files of [
    runSync(readFiles(paths)),
    await runAsync(readFiles(paths)),
    runSync(readFiles(paths, 20)),
  ]) {
    expect(files).toEqual([long, undefined, readFileSync('/proc/self/uid_map'), Buffer.alloc(0)]);
  }
});
