import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs } from './run-program.ts';

privileged('a snapshot from its preparation to its removal', () => {
  const scratch = scratchDirectory();
  const root = scratch.join('root');
  const target = scratch.directory('target');
  const store = (action: string, ...words: readonly string[]) =>
    overlayfs(['store', action, '--root', root, ...words]);
  expect(store('prepare', 'base', '--label', 'a=b=c')).toMatchObject({
    status: 0,
    stdout: 'base\n',
    stderr: '',
  });
  expect(store('mount', 'base', target)).toMatchObject({ status: 0, stdout: `${target}\n` });
  writeFileSync(`${target}/file`, 'text');
  expect(store('commit', 'image', 'base')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_STORE_IN_USE'),
  });
  run('umount', target);
  expect(store('commit', 'image', 'base')).toMatchObject({ status: 0, stdout: 'image\n' });
  expect(store('prepare', 'web', 'image')).toMatchObject({ status: 0 });
  expect(store('view', 'look', 'image')).toMatchObject({ status: 0 });
  expect(store('list').stdout).toMatch(
    /^committed {2}\S+ {2}image\nview {7}\S+ {4}look\nactive {5}\S+ {4}web\n$/,
  );
  expect(JSON.parse(store('list', '--json', 'kind==active').stdout)).toMatchObject([
    { name: 'web', parent: 'image' },
  ]);
  expect(store('usage', 'image', 'look').stdout).toBe('8.0 KiB, 2 inodes: image\n0 B, 0 inodes: look\n');
  expect(store('mount', 'web', target)).toMatchObject({ status: 0 });
  expect(readFileSync(`${target}/file`, 'utf8')).toBe('text');
  // The process that mounted it has ended: the mount table tells.
  expect(store('remove', 'web')).toMatchObject({ status: 1, stderr: expect.stringContaining(target) });
  run('umount', target);
  expect(store('check')).toMatchObject({ status: 0, stdout: '' });
  expect(store('remove', 'web', 'look', 'image')).toMatchObject({ status: 0, stdout: 'web\nlook\nimage\n' });
  expect(store('cleanup')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(store('list')).toMatchObject({ status: 0, stdout: '' });
});
privileged('what is wrong with a store is exit code 1, rubbish is not', () => {
  const scratch = scratchDirectory();
  const root = scratch.join('root');
  const store = (...words: readonly string[]) => overlayfs(['store', ...words, '--root', root]);
  expect(store('prepare', 'key').status).toBe(0);
  scratch.directory('root/sessions/0123456789ab');
  expect(store('check')).toMatchObject({ status: 0, stdout: expect.stringContaining('ERR_STORE_RUBBISH') });
  expect(store('cleanup')).toMatchObject({ status: 0, stdout: `${root}/sessions/0123456789ab\n` });
  scratch.directory('root/snapshots/stranger');
  expect(store('check')).toMatchObject({ status: 1, stdout: expect.stringContaining('ERR_STORE_STRANGER') });
});
test.each([
  [['list'], 'the directory of the store is missing: give --root DIR'],
  [['lst', '--root', 'x'], 'there is no action "lst"; there are'],
  [['commit', 'name', '--root', 'x'], 'commit needs NAME KEY'],
  [['check', 'it', '--root', 'x'], '"it" is one word too many'],
  [[], 'the action is missing'],
])('%j: wrong usage, and nothing is made', (args, sentence) => {
  const root = scratchDirectory().join('x');
  const { status, stderr } = overlayfs(['store', ...args.map((word) => (word === 'x' ? root : word))]);
  expect(status).toBe(2);
  expect(stderr).toContain(`overlayfs store: ${sentence}`);
  expect(existsSync(root)).toBe(false);
});
