// Comparing contents: the bytes decide, whatever the sizes; no more is read than needed, and nothing waits for ever.
import {
  closeSync,
  openSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Routine, runAsync, runSync } from '../../lib/kernel/routine.ts';
import {
  isSmall,
  sameBytes,
  sameLargeContents,
  sameSmallContents,
  sameTarget,
} from '../../lib/layer/compare-content.ts';
import { run } from '../support/command.ts';
import { openDescriptors } from '../support/leaks.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';

type Run = <T>(routine: Routine<T>) => Promise<T>;
const forms: [string, Run][] = [
  ['sync', async (routine) => runSync(routine)],
  ['promise', runAsync],
];

const KB = 1024;

describe.each(forms)('%s', (_, runRoutine) => {
  /** Compares `a` and `b` of a scratch directory; how much was read, and that no descriptor stays. */
  async function compare(scratch: Scratch, size: number): Promise<{ same: boolean; read: number }> {
    const dir = openSync(scratch.path, 'r');
    const before = openDescriptors();
    let read = 0;
    try {
      const [a, b] = ['a', 'b'].map((name) => ({ dir, name: Buffer.from(name) })) as [never, never];
      const pair = { before: a, after: b, size };
      const onRead = (bytes: number) => {
        read += bytes;
      };
      const same = isSmall(pair)
        ? (await runRoutine(sameSmallContents([pair], onRead)))[0]!
        : await runRoutine(sameLargeContents(pair, onRead));
      if (typeof same !== 'boolean') throw same;
      return { same, read };
    } finally {
      expect(openDescriptors()).toEqual(before);
      closeSync(dir);
    }
  }

  test.each([0, 1, 16 * KB, 16 * KB + 1, 256 * KB, 256 * KB + 1, 1000 * KB])(
    'of %i bytes: equal, other at the end, other at the beginning',
    async (size) => {
      const scratch = scratchDirectory();
      const bytes = Buffer.alloc(size, 'some text');
      scratch.file('a', bytes);
      const path = scratch.file('b', bytes);
      expect(await compare(scratch, size)).toEqual({ same: true, read: 2 * size });
      for (const at of size === 0 ? [] : [size - 1, 0]) {
        const file = openSync(path, 'r+');
        writeSync(file, 'X', at);
        closeSync(file);
        const { same, read } = await compare(scratch, size);
        expect(same, `at ${at}`).toBe(false);
        if (at === 0) expect(read).toBeLessThanOrEqual(512 * KB);
        writeFileSync(path, bytes);
      }
    },
  );

  test('a file that grew since it was looked at', async () => {
    const scratch = scratchDirectory();
    scratch.file('a', 'x'.repeat(100));
    scratch.file('b', 'x'.repeat(40 * KB));
    expect((await compare(scratch, 100)).same).toBe(false);
    scratch.file('a', 'x'.repeat(40 * KB));
    expect((await compare(scratch, 100)).same).toBe(true);
    truncateSync(scratch.join('b'), 300 * KB);
    expect((await compare(scratch, 300 * KB)).same).toBe(false);
  });

  test('what is a link or a fifo by now is not followed, nor waited for', async () => {
    const scratch = scratchDirectory();
    scratch.file('a', 'text');
    symlinkSync('a', scratch.join('b'));
    await expect(compare(scratch, 4)).rejects.toMatchObject({ code: 'ELOOP' });
    const other = scratchDirectory();
    other.file('a', 'text');
    run('mkfifo', other.join('b'));
    expect((await compare(other, 4)).same).toBe(false);
  });

  test('many small pairs at once, each with its own answer', async () => {
    const scratch = scratchDirectory();
    for (const name of ['one', 'same', 'other']) scratch.file(name, name === 'other' ? 'TEXT' : 'text');
    const dir = openSync(scratch.path, 'r');
    try {
      const pair = (before: string, after: string) => ({
        before: { dir, name: Buffer.from(before) },
        after: { dir, name: Buffer.from(after) },
        size: 4,
      });
      const pairs = [pair('one', 'same'), pair('one', 'other'), pair('one', 'none'), pair('none', 'one')];
      const answers = await runRoutine(sameSmallContents([...pairs, pair('same', 'one')]));
      expect(answers).toMatchObject([
        true,
        false,
        { code: 'ENOENT' },
        { code: 'ENOENT', syscall: 'openat' },
        true,
      ]);
    } finally {
      closeSync(dir);
    }
  });

  test('links by where they lead to', async () => {
    const scratch = scratchDirectory();
    symlinkSync('/one', scratch.join('a'));
    symlinkSync('/two', scratch.join('b'));
    const dir = openSync(scratch.path, 'r');
    try {
      const [a, b] = ['a', 'b'].map((name) => ({ dir, name: Buffer.from(name) })) as [never, never];
      expect(await runRoutine(sameTarget(a, b))).toBe(false);
      expect(await runRoutine(sameTarget(a, a))).toBe(true);
    } finally {
      closeSync(dir);
    }
    expect(readlinkSync(scratch.join('a'))).toBe('/one');
  });

  test('stops where the caller throws', async () => {
    const scratch = scratchDirectory();
    for (const name of ['a', 'b']) truncateSync(scratch.file(name), 4000 * KB);
    const [a, b] = ['a', 'b'].map((name) => openSync(scratch.join(name), 'r')) as [number, number];
    let pieces = 0;
    const comparison = runRoutine(
      sameBytes(a, b, () => {
        if (++pieces === 2) throw new Error('enough');
      }),
    );
    await expect(comparison).rejects.toThrow('enough');
    expect(pieces).toBe(2);
    closeSync(a);
    closeSync(b);
  });
});
