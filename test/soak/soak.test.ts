// The soak itself, with small numbers: it passes, it sees each kind of leak, and it leaves nothing.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { mounts } from '../support/mounts.ts';
import { type Outcome, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';

const soak = (...args: readonly string[]): Outcome => runNode(new URL('run.mjs', import.meta.url), { args });
const few = ['--rounds', '160', '--concurrent', '8'];

function expectNothingLeft(): void {
  expect(mounts().filter(({ point }) => point.includes('overlayfs-soak-'))).toEqual([]);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('overlayfs-soak-'))).toEqual([]);
}

describePrivileged('the soak', () => {
  test('finds no growth, and says what it looked at', () => {
    const { status, stdout, stderr } = soak(...few);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^mount and unmount: 160 in .*\n {2}growth: 0 descriptors, 0 mounts, 0 files, .* heap/,
    );
    expect(stdout.match(/growth: 0 descriptors, 0 mounts, 0 files/g)).toHaveLength(5);
    expectNothingLeft();
  });

  test.each([
    ['descriptor', /^FAILED: mount and unmount: 160 more descriptors$/m],
    ['mount', /^FAILED: mount and unmount: 160 more mounts$/m],
    ['file', /^FAILED: mount and unmount: 160 more files$/m],
    ['memory', /^FAILED: mount and unmount: heap grew by [\d.]+ MiB, more than 1.00 MiB$/m],
  ])('ends with 1 when a %s is leaked each round', (leak, words) => {
    const { status, stderr } = soak(...few, '--leak', leak);
    expect(stderr).toMatch(words);
    expect(status).toBe(1);
    expectNothingLeft();
  });

  test('refuses a leak that it does not know, and begins nothing', () => {
    expect(soak('--leak', 'nothing')).toMatchObject({ status: 2, stdout: '' });
    expectNothingLeft();
  });
});
