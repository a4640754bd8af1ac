import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs } from './run-program.ts';

function mounted(options = 'redirect_dir=on') {
  const scratch = scratchDirectory();
  const at = (name: string) => scratch.join(name);
  for (const name of ['l/dir', 'l/gone/deep', 'u', 'w', 'm']) mkdirSync(at(name), { recursive: true });
  for (const name of ['l/kept', 'l/edited', 'l/gone/deep/f', 'l/dir/f']) writeFileSync(at(name), name);
  const layers = `lowerdir=${at('l')},upperdir=${at('u')},workdir=${at('w')}`;
  overlayfs(['mount', '-o', `${layers},${options}`, at('m')]);
  return { target: at('m'), at };
}

privileged('deletions first, a directory once, a rename as one; exit codes for scripts', () => {
  const { target, at } = mounted();
  const quiet = overlayfs(['diff', '--exit-code', target]);
  expect(quiet).toMatchObject({ status: 0, stdout: '', stderr: '' });
  rmSync(`${target}/gone`, { recursive: true });
  appendFileSync(`${target}/edited`, '!');
  renameSync(`${target}/dir`, `${target}/new`);
  writeFileSync(`${target}/a\n`, '');
  const text = overlayfs(['diff', target]);
  expect([text.status, text.stderr]).toEqual([0, '']);
  expect(text.stdout.split('\n')).toEqual([
    'D /dir/',
    'D /gone/',
    'A /a\\n',
    'C /edited  (content, mtime)',
    'R /new/  (from /dir)',
    '',
  ]);
  expect(overlayfs(['diff', '--exit-code', target]).status).toBe(3);
  expect(overlayfs(['diff', '--stat', target]).stdout.split('\n').at(-2)).toBe(
    '2 deleted, 1 renamed, 1 added, 1 changed',
  );
  const rows = printedJson<{ kind: string; path: string; from?: string }[]>(
    overlayfs(['diff', '--json', target]),
  );
  expect(rows.map(({ kind, path, from }) => [kind, path, from])).toContainEqual(['added', 'new', 'dir']);
  overlayfs(['umount', target]);
  // The same of the layers, when nothing is mounted.
  expect(overlayfs(['diff', '--lower', at('l'), '--upper', at('u')]).stdout).toBe(text.stdout);
});
privileged('of a path below the root what is changed there; a path that no layer has is an error', () => {
  const { target } = mounted();
  rmSync(`${target}/gone`, { recursive: true });
  appendFileSync(`${target}/edited`, '!');
  writeFileSync(`${target}/edited2`, '');
  mkdirSync(`${target}/new/sub`, { recursive: true });
  const lines = (path: string) =>
    overlayfs(['diff', `${target}/${path}`])
      .stdout.split('\n')
      .slice(0, -1);
  expect(lines('edited')).toEqual(['C /edited  (content, mtime)']);
  expect(lines('gone/deep/f')).toEqual(['D /gone/']);
  expect(lines('new')).toEqual(['A /new/', 'A /new/sub/']);
  expect(lines('new/sub')).toEqual(['A /new/sub/']);
  expect(lines('kept')).toEqual([]);
  expect(overlayfs(['diff', '--exit-code', `${target}/kept`]).status).toBe(0);
  expect(overlayfs(['diff', `${target}/nope`])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_OVERLAY_NOT_FOUND'),
  });
  overlayfs(['umount', target]);
});
privileged('what was only copied up is left out when that is asked for', () => {
  const { target } = mounted();
  chmodSync(`${target}/kept`, 0o644);
  appendFileSync(`${target}/edited`, '!');
  const paths = (...flags: string[]) =>
    printedJson<{ path: string }[]>(overlayfs(['diff', '--json', ...flags, target])).map(({ path }) => path);
  expect(paths()).toEqual(['edited', 'kept']);
  expect(paths('--ignore-unchanged')).toEqual(['edited']);
  overlayfs(['umount', target]);
});
test.each([
  [['--stat', '--json', '/'], '--stat and --json exclude each other'],
  [['--upper', '/u'], '--upper alone is no stack; give --lower DIR too'],
])('%j: wrong usage', (args, sentence) => {
  const { status, stderr } = overlayfs(['diff', ...args]);
  expect([status, stderr.split('\n')[0]]).toEqual([2, `overlayfs diff: ${sentence}`]);
});
