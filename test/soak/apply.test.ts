// The soak of apply, with small numbers: every killed one leaves the old state or the new one.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'vitest';
import { runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';

privileged(
  'apply, killed at random moments, leaves what was, or what resumeApply makes what it was to be',
  () => {
    const args = ['--kills', '6'];
    const under = ['unshare', '--mount', '--propagation', 'private'];
    const { status, stdout, stderr } = runNode(new URL('apply.mjs', import.meta.url), {
      args,
      under,
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^apply: 6 kills within \d+ ms \(seed \d+\): \{"old":\d,"finished":\d,"new":\d\}\n$/,
    );
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('overlayfs-soak-'))).toEqual([]);
  },
);
