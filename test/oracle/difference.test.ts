// The oracle's own eyes: a snapshot sees each kind of change, and the difference names it.
import {
  chmodSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../support/scratch.ts';
import { differences } from './difference.ts';
import { snapshot } from './snapshot.ts';

function someTree(): string {
  const root = scratchDirectory().directory('tree');
  mkdirSync(join(root, 'dir'));
  writeFileSync(join(root, 'dir/file'), 'text');
  writeFileSync(join(root, 'two\nlines'), '');
  symlinkSync('dir', join(root, 'link'));
  for (const name of ['dir/file', 'dir', 'two\nlines', 'link', '.']) lutimesSync(join(root, name), 1, 1.5);
  return root;
}

test.each<[string, (root: string) => void, string[]]>([
  ['nothing', () => {}, []],
  [
    'a mode',
    (root) => chmodSync(join(root, 'dir/file'), 0o4711),
    ['dir/file: mode is 420 in before, 2505 in after'],
  ],
  [
    'a size and a content',
    (root) => {
      truncateSync(join(root, 'dir/file'), 2);
      lutimesSync(join(root, 'dir/file'), 1, 1.5);
    },
    ['dir/file: size is 4 in before, 2 in after', 'dir/file: content is "text" in before, "te" in after'],
  ],
  [
    'a time, to the nanosecond',
    (root) => lutimesSync(join(root, 'link'), new Date(0), new Date(-1)),
    ['link: mtime is 1500000000 in before, -1000000 in after'],
  ],
  [
    'an entry more and one less',
    (root) => {
      renameSync(join(root, 'two\nlines'), join(root, 'new'));
      rmSync(join(root, 'link'));
      lutimesSync(root, 1, 1.5);
    },
    [
      'link: only in before (symlink 777 "dir")',
      'new: only in after (file 644 "")',
      'two\\nlines: only in before (file 644 "")',
    ],
  ],
])('a snapshot and the difference show %s', (_, change, lines) => {
  const root = someTree();
  const before = snapshot(root);
  change(root);
  expect(differences(before, snapshot(root), ['before', 'after'])).toEqual(lines);
});
