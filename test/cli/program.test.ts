import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { runProgram } from '../../lib/cli/program.ts';
import { Terminal } from '../../lib/cli/terminal.ts';
import { overlayfs } from './run-program.ts';

async function run(calledAs: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = ['', ''];
  const [out, err] = [0, 1].map(
    (i) =>
      new Writable({
        write(chunk, _, done) {
          text[i] += chunk;
          done();
        },
      }),
  );
  const code = await runProgram(calledAs, args, new Terminal(out!, err!, { colour: false }));
  return { code, out: text[0]!, err: text[1]! };
}

test.each([['--help'], ['-h'], ['help']])('%s is the overview', async (word) => {
  expect(await run('overlayfs', word)).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringContaining('doctor'),
  });
});
test('help COMMAND is its help', async () => {
  expect((await run('overlayfs', 'help', 'list')).out).toMatch(/^usage: overlayfs list/);
});
test('--version is the version of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(overlayfs(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
});
test.each([
  [[], 'overlayfs: a command is missing\n  hint: see overlayfs --help\n'],
  [['lst'], 'overlayfs: there is no command lst; did you mean list?\n  hint: see overlayfs --help\n'],
  [['--json'], 'overlayfs: there is no flag --json before the command\n  hint: see overlayfs --help\n'],
  [
    ['list', '--jsn'],
    'overlayfs list: there is no flag --jsn; did you mean --json?\n  hint: see overlayfs list --help\n',
  ],
  [['list', 'x'], 'overlayfs list: "x" is one word too many\n  hint: see overlayfs list --help\n'],
  [['umount'], 'overlayfs umount: TARGET is missing\n  hint: see overlayfs umount --help\n'],
])('%j is wrong usage: 2', async (args, err) => {
  expect(await run('overlayfs', ...args)).toEqual({ code: 2, out: '', err });
});
test('a failed operation is 1, as sentences or as JSON', async () => {
  const plain = await run('overlayfs', 'doctor', '/no/such/directory');
  expect(plain).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/^overlayfs: dir .*\n {2}code: ERR_OVERLAY_NOT_FOUND\n {2}hint: /),
  });
  const json = await run('overlayfs', 'doctor', '--json', '/no/such/directory');
  expect(json).toMatchObject({ code: 1, out: '' });
  expect(JSON.parse(json.err)).toMatchObject({ error: { code: 'ERR_OVERLAY_NOT_FOUND', syscall: 'openat' } });
});
test.each(['/sbin/mount.fuse.x', '/sbin/mount.overlay', '/sbin/umount.overlay'])(
  'called as %s it is that program',
  async (name) => {
    expect(await run(name)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^overlayfs: the mount point is missing\b.*\n$/),
    });
  },
);
test.each(['/x/main.js', '/usr/bin/overlayfs', '/x/mount.js', 'mount.', 'remount.x'])(
  'called as %s it is not',
  async (name) => {
    expect(await run(name)).toMatchObject({ code: 2 });
  },
);
