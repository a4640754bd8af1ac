import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { kindOf, look, lookFor } from '../../lib/cli/tour-view.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

test('a directory is its names and contents', () => {
  const scratch = scratchDirectory();
  scratch.file('d/a', 'one\ntwo\n');
  mkdirSync(scratch.join('d/dir'));
  expect(look(scratch.join('d'))).toEqual({ a: '"one\\ntwo"', dir: 'directory' });
  const other = scratch.directory('other');
  expect(lookFor('a', [scratch.join('d'), other])).toEqual({
    [scratch.join('d/a')]: '"one\\ntwo"',
    [`${other}/a`]: 'not there',
  });
});
privileged('a whiteout is called what stat(1) calls it', () => {
  const scratch = scratchDirectory();
  const path = scratch.join('gone');
  run('mknod', path, 'c', '0', '0');
  expect(kindOf(path)).toBe(run('stat', '-c', '%F %t,%T', path).trimEnd());
});
