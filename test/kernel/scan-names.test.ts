// Many names in one job: each as by itself, whatever it is, however many attributes it has.
import { mkdirSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { callSync, close } from '../../lib/kernel/call.ts';
import { AT_FDCWD, O_PATH } from '../../lib/kernel/constants.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { scanEntry } from '../../lib/kernel/scan-directory.ts';
import { scanNames } from '../../lib/kernel/scan-names.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';

const ALL = { xattrs: [''] };

test.each(['few attributes', 'more attributes than there is room for'])('%s', async (title) => {
  const scratch = scratchDirectory();
  for (let i = 0; i < 150; i++) scratch.file(`file${i}`, 'x'.repeat(i));
  mkdirSync(scratch.join('dir'));
  symlinkSync('nowhere', scratch.join('link'));
  setXattr(scratch.join('file7'), 'user.note', title.startsWith('few') ? 'short' : 'l'.repeat(3000));
  const names = [...Array.from({ length: 150 }, (_, i) => `file${i}`), 'dir', 'link', 'missing'].map((name) =>
    Buffer.from(name),
  );
  const dir = callSync('openat', AT_FDCWD, scratch.path, O_PATH, 0);
  try {
    const together = await runAsync(scanNames(dir, names, ALL));
    expect(together).toHaveLength(names.length);
    expect(runSync(scanNames(dir, names, ALL)).map(({ name }) => name)).toEqual(names);
    for (const [i, name] of names.entries()) {
      const alone = runSync(scanEntry(dir, name, ALL));
      expect(together[i]!.xattrs).toEqual(alone.xattrs);
      expect(together[i]!.error).toEqual(alone.error);
      expect(together[i]!.stat?.ino).toBe(alone.stat?.ino);
      expect(together[i]!.stat?.size).toBe(alone.stat?.size);
    }
    expect(together.at(-1)!.error).toMatchObject({ syscall: 'statx' });
    expect(runSync(scanNames(dir, [], ALL))).toEqual([]);
  } finally {
    close(dir);
  }
});
