import { expect, test } from 'vitest';
import { findCommand, summaries } from '../../lib/cli/commands.ts';
import { overlayfs } from './run-program.ts';

test('the commands', () => {
  expect([...summaries.keys()]).toEqual([
    'tour',
    'mount',
    'umount',
    'list',
    'explain',
    'which',
    'diff',
    'apply',
    'run',
    'tree',
    'whiteout',
    'unpack',
    'pack',
    'image',
    'store',
    'doctor',
  ]);
});
test.each([...summaries.keys()])('%s has a help of its own', (name) => {
  const { status, stdout, stderr } = overlayfs([name, '--help']);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(new RegExp(`^usage: overlayfs ${name}`));
  expect(stdout).toContain('--json');
});
test('a command that is none is refused, with the nearest one', async () => {
  await expect(findCommand('unmount')).rejects.toThrow('there is no command unmount; did you mean umount?');
  await expect(findCommand('toString')).rejects.toThrow(/^there is no command toString$/);
});
