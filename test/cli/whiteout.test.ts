import { lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs } from './run-program.ts';

privileged('marks names as deleted and directories as opaque, and tells which are', () => {
  const scratch = scratchDirectory();
  const [name, dir] = [scratch.join('gone'), scratch.join('dir')];
  writeFileSync(name, 'was here');
  mkdirSync(dir);
  expect(overlayfs(['whiteout', name])).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(lstatSync(name)).toMatchObject({ rdev: 0 });
  expect(overlayfs(['whiteout', '--opaque', dir])).toMatchObject({ status: 0 });
  expect(overlayfs(['whiteout', '--check', name, dir])).toMatchObject({
    status: 1,
    stdout: `${name}: a whiteout\n${dir}: not a whiteout\n`,
  });
  expect(overlayfs(['whiteout', '--check', '--opaque', dir])).toMatchObject({
    status: 0,
    stdout: `${dir}: opaque\n`,
  });
});
privileged('the form that is an attribute, of the dialect that is asked for', () => {
  const name = scratchDirectory().join('gone');
  expect(overlayfs(['whiteout', '--form', 'xattr', '--xattrs', 'user', name])).toMatchObject({
    status: 0,
    stderr: '',
  });
  expect(lstatSync(name)).toMatchObject({ size: 0 });
  expect(overlayfs(['whiteout', '--check', '--xattrs', 'user', name])).toMatchObject({ status: 0 });
  expect(overlayfs(['whiteout', '--check', '--xattrs', 'trusted', name])).toMatchObject({ status: 1 });
});
test('all paths are tried, and each failure told', () => {
  const scratch = scratchDirectory();
  const [no, good] = [scratch.join('no/such'), scratch.join('good')];
  const { status, stderr } = overlayfs(['whiteout', no, good]);
  expect(status).toBe(1);
  expect(stderr).toContain(scratch.join('no does not exist'));
  expect(lstatSync(good)).toMatchObject({ rdev: 0 });
});
test.each([
  [['--form', 'xattr', '--opaque', 'x'], '--form is about whiteouts, and --opaque makes none'],
  [['--form', 'xattr', '--check', 'x'], '--form is about making; --check knows both forms'],
  [[], 'PATH is missing'],
])('%j: wrong usage', (args, sentence) => {
  const { status, stderr } = overlayfs(['whiteout', ...args]);
  expect([status, stderr.split('\n')[0]]).toEqual([2, `overlayfs whiteout: ${sentence}`]);
});
