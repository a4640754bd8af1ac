// The soak of throw-away overlays, with small numbers: it passes, it sees each kind of leak, and it leaves nothing.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { type Outcome, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';

const soak = (...args: readonly string[]): Outcome =>
  runNode(new URL('scratch.mjs', import.meta.url), { args });

function expectNothingLeft(): void {
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('overlayfs-soak-'))).toEqual([]);
  expect(readdirSync('/dev/shm').filter((name) => name.startsWith('overlayfs-soak-'))).toEqual([]);
}

describePrivileged('the soak of throw-away overlays', () => {
  test('kills and forks leave nothing, and it says what it looked at', () => {
    needUserNamespaces();
    const { status, stdout, stderr } = soak('--kills', '24', '--forks', '200');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^kills: 24 in .*\n {2}shared memory: .*\nforks: 200 in /);
    expect(stdout).toMatch(/growth: 0 descriptors, 0 mounts, resident/);
    expectNothingLeft();
  });

  test.each([
    ['process', /^FAILED: root-memory: processes are left: \d+$/m],
    ['file', /^FAILED: root-memory: temporary files are left: left-\d+$/m],
    ['memory', /^FAILED: shared memory has grown by [\d.]+ MiB$/m],
    ['descriptor', /^FAILED: 40 forks: 40 more descriptors$/m],
  ])('ends with 1 when a %s is leaked', (leak, words) => {
    needUserNamespaces();
    // Each leaves 4 MiB, and 32 MiB may be the machine's.
    const kills = leak === 'memory' ? '12' : '4';
    const { status, stderr } = soak('--kills', kills, '--forks', '40', '--leak', leak);
    expect(stderr).toMatch(words);
    expect(status).toBe(1);
    expectNothingLeft();
  });

  test('refuses a leak that it does not know, and begins nothing', () => {
    expect(soak('--leak', 'nothing')).toMatchObject({ status: 2, stdout: '' });
    expectNothingLeft();
  });
});
