import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { mountsBelow } from '../support/mounts.ts';
import { privileged } from '../support/privilege.ts';
import { needUserNamespaces } from './need-user-namespaces.ts';
import { overlayfs, overlayfsAsNobody } from './run-program.ts';

function nothingLeft(): void {
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('overlayfs-tour-'))).toEqual([]);
  expect(mountsBelow(tmpdir()).filter(({ point }) => point.includes('/overlayfs-tour-'))).toEqual([]);
}

privileged('as root: a page to read, plain in a pipe', () => {
  const { status, stdout, stderr } = overlayfs(['tour']);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).not.toContain('\u001b');
  const lines = stdout.split('\n');
  expect(lines.length).toBeGreaterThan(60);
  expect(lines.length).toBeLessThan(95);
  // The directory's own name may be of any length.
  const fixed = lines.filter((line) => !line.includes('/overlayfs-tour-'));
  expect(Math.max(...fixed.map((line) => line.length))).toBeLessThan(110);
  expect(stdout).toContain('ENXIO');
  expect(stdout).toMatch(/is gone, and 0 overlays are left in it\n$/);
  nothingLeft();
});
privileged('--json gives the steps as data', () => {
  const { status, stdout } = overlayfs(['tour', '--json']);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ as: 'as uid 0', steps: { length: 10 } });
});
test('an ordinary user sees the same in a user namespace', () => {
  needUserNamespaces();
  const { status, stdout, stderr } = overlayfsAsNobody(['tour']);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('as root of a user namespace');
  expect(stdout).toContain('workdir=work,userxattr merged');
  expect(stdout).toContain('character special file 0,0');
  expect(stdout).toContain('ENXIO');
  nothingLeft();
});

/** Sends a signal to the program from its own output, when it has come to the given step. */
const interrupting = (signal: string, step: string) => [
  '--import',
  `data:text/javascript,${encodeURIComponent(`import fs from 'node:fs';
    const write = fs.writeSync;
    fs.writeSync = function (fd, text, ...rest) {
      if (fd === 1 && String(text).includes(${JSON.stringify(step)}))
        process.kill(process.pid, ${JSON.stringify(signal)});
      return write.call(this, fd, text, ...rest);
    };`)}`,
];

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  privileged(`${signal} in the middle leaves nothing, and ends it as ever`, () => {
    const outcome = overlayfs(['tour'], { execArgv: interrupting(signal, 'A new file') });
    expect(outcome).toMatchObject({ status: null, signal, stderr: '' });
    expect(outcome.stdout).toContain('A new file');
    expect(outcome.stdout).not.toContain('Unmounting');
    nothingLeft();
  });
}
test('SIGINT inside the user namespace leaves nothing either', () => {
  needUserNamespaces();
  const outcome = overlayfsAsNobody(['tour'], { execArgv: interrupting('SIGINT', 'A new file') });
  expect(outcome).toMatchObject({ status: null, signal: 'SIGINT' });
  expect(outcome.stdout).not.toContain('Unmounting');
  nothingLeft();
});
test('where neither can be had it says what is missing: 1', () => {
  needUserNamespaces();
  const forbidden =
    'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all --inh-caps -all "$@"';
  const under = ['unshare', '--user', '--map-root-user', 'sh', '-c', forbidden, 'sh'];
  const outcome = overlayfs(['tour'], { under });
  expect(outcome).toMatchObject({ status: 1, stdout: '' });
  expect(outcome.stderr).toMatch(
    /^overlayfs: this process cannot mount overlays: .*\n {2}code: ERR_OVERLAY_NO_PRIVILEGE\n/,
  );
  expect(outcome.stderr).toContain('user.max_user_namespaces=0');
  nothingLeft();
});
