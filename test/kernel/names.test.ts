// Names in a directory: all of them, as bytes, without the two that every directory has.
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { allNames, someNames } from '../../lib/kernel/names.ts';
import { type Routine, runAsync, runSync } from '../../lib/kernel/routine.ts';
import { scratchDirectory } from '../support/scratch.ts';

type Run = <T>(routine: Routine<T>) => Promise<T>;
const forms: [string, Run][] = [
  ['sync', async (routine) => runSync(routine)],
  ['promise', runAsync],
];

async function opened<T>(path: string, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = openSync(path, 'r');
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}

const sorted = (names: readonly Buffer[]): string[] => names.map((name) => name.toString('latin1')).sort();

describe.each(forms)('%s', (_, run) => {
  test('bytes that are no UTF-8, names that begin with dots, the longest name', async () => {
    const scratch = scratchDirectory();
    const names = ['...', '..a', '.a', 'é', '\xff\xfe', 'a\nb', 'x'.repeat(255)].map((name) =>
      Buffer.from(name, 'latin1'),
    );
    for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${scratch.path}/`), name]), '');
    expect(await opened(scratch.path, async (fd) => sorted(await run(allNames(fd))))).toEqual(sorted(names));
  });
  test('more than one call gives, each once', async () => {
    const scratch = scratchDirectory();
    const names = Array.from({ length: 3000 }, (_, i) => `name-${i}`);
    for (const name of names) scratch.file(name);
    await opened(scratch.path, async (fd) => {
      const first = await run(someNames(fd));
      expect(first.length).toBeGreaterThan(100);
      expect(first.length).toBeLessThan(3000);
      expect(sorted([...first, ...(await run(allNames(fd)))])).toEqual(names.sort());
      expect(await run(someNames(fd))).toEqual([]);
    });
  });
  test('none in an empty directory, and an error for what is none', async () => {
    const scratch = scratchDirectory();
    expect(await opened(scratch.path, (fd) => run(allNames(fd)))).toEqual([]);
    await opened(scratch.file('file'), (fd) => expect(run(allNames(fd))).rejects.toThrow('ENOTDIR'));
  });
});
