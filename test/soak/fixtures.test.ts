// The soak of fixtures, with a few kills: it passes, it sees what is left on purpose, and leaves nothing itself.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { packageForOthers } from '../support/built-package.ts';
import { type Outcome, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';

const soak = (...args: readonly string[]): Outcome =>
  runNode(new URL('fixtures.mjs', import.meta.url), {
    args: ['--package', packageForOthers(), '--seed', '7', ...args],
  });
const nothingOfIt = () => readdirSync(tmpdir()).filter((name) => name.startsWith('overlayfs-kills-'));

describePrivileged('killed runs of tests with forks', () => {
  test('leave nothing', () => {
    const { status, stdout, stderr } = soak('--kills', '12', '--vitest', '0.15');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^seed 7: 12 kills, \d+ in tests; left: nothing/m);
    expect(status).toBe(0);
    expect(nothingOfIt()).toEqual([]);
  });

  test.each([
    ['file', /left: file left /],
    ['process', /left: process \d+ /],
    ['memory', /left: \d{2,3}(\.\d+)? MiB of tmpfs/],
  ])('a %s that is left is seen', (kind, words) => {
    const { status, stdout } = soak('--kills', '1', '--vitest', '0', '--leak', kind);
    expect(stdout).toMatch(words);
    expect(status).toBe(1);
    expect(nothingOfIt()).toEqual([]);
  });
});
