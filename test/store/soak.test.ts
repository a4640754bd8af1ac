// The soak of stores itself, with few kills: it passes, it sees a loss, and it leaves nothing.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { loopFilesystem } from '../support/filesystems.ts';
import { type Outcome, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';

const soak = (...args: readonly string[]): Outcome => runNode(new URL('soak.mjs', import.meta.url), { args });

describePrivileged('the soak of stores', () => {
  test('loses nothing over overlay and over btrfs', () => {
    const btrfs = loopFilesystem('btrfs', { sizeMiB: 512 }).path;
    for (const more of [[], ['--driver', 'btrfs', '--on', btrfs]]) {
      const { status, stdout, stderr } = soak('--kills', '8', ...more);
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^8 kills, \d+ events in \d+ s: nothing lost\nkilled in the midst of: .*\n$/);
      expect(status).toBe(0);
    }
    expect(readdirSync(btrfs)).toEqual([]);
  });
  test('sees that a file of a committed snapshot has gone', () => {
    const { status, stderr } = soak('--lose');
    expect(stderr).toMatch(/^FAILED after kill \d+: .*(ENOENT|has .*, and should have)/m);
    expect(status).toBe(1);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('overlayfs-soak-store-'))).toEqual([]);
  });
});
