// overlayfs run: what people and scripts see of it, its exit codes, the terminal, and signals on their way.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run as runProgram } from '../support/command.ts';
import { processesWith } from '../support/leaks.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { programFile } from './run-program.ts';

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const environment = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };

/** Without a terminal of its own. */
function overlayfsIn(cwd: string, ...args: readonly string[]): Ran {
  const words = ['--wait', process.execPath, programFile, 'run', ...args];
  return spawnSync('setsid', words, { cwd, encoding: 'utf8', env: environment });
}

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** With a terminal, on which somebody types when it shows something. */
async function typed(
  cwd: string,
  shows: string,
  typing: string,
  ...args: readonly string[]
): Promise<string> {
  const words = [process.execPath, programFile, 'run', ...args].map(quoted).join(' ');
  const child = spawn('script', ['-qec', words, '/dev/null'], { cwd, env: environment });
  let out = '';
  let waits = true;
  child.stdout.on('data', (bytes) => {
    out += bytes;
    if (waits && out.includes(shows)) {
      waits = false;
      child.stdin.write(typing);
    }
  });
  await once(child, 'close');
  return out.replaceAll('\r', '');
}

function directory(): string {
  const dir = scratchDirectory().directory('dir');
  writeFileSync(join(dir, 'gone'), 'x');
  writeFileSync(join(dir, 'file'), 'old');
  return dir;
}

const CHANGES = ['sh', '-c', 'echo out; rm gone; echo new >file; mkdir sub; echo 1 >sub/one; exit 3'];

privileged('what only a failure or a change needs is not loaded by a run without', () => {
  const told = scratchDirectory().file(
    'told.cjs',
    `const { basename, dirname } = require('node:path');
    const atFirst = new Set(process.moduleLoadList);
    process.on('exit', () => {
      const files = Object.keys(require.cache).filter((file) => dirname(file).endsWith('dist/cli'));
      const builtIn = process.moduleLoadList.filter((name) => !atFirst.has(name));
      console.log(JSON.stringify({ files: files.map((file) => basename(file)), builtIn }));
    });`,
  );
  const words = ['--require', told, programFile, 'run', '--discard'];
  const loaded = (command: string): { files: string[]; builtIn: string[] } => {
    const { stdout } = spawnSync(process.execPath, [...words, 'sh', '-c', command], {
      cwd: directory(),
      env: environment,
      encoding: 'utf8',
    });
    const { files, builtIn } = JSON.parse(stdout);
    return { files: files.map((name: string) => name.replace(/-[\w-]{8}\.cjs$/, '')), builtIn };
  };
  const { files, builtIn } = loaded('true');
  // Node has to compile what is not in its snapshot: a tenth of a millisecond to one for each.
  expect(builtIn.filter((name) => /^NativeModule (?!internal\/)/.test(name))).toEqual(['NativeModule vm']);
  // Overlays that are mounted somewhere have to be looked at.
  const ofOverlays = /^(late-mount-table|late-option-text|overlay-description|options?|option-table|stat)/;
  expect(files.filter((name) => !ofOverlays.test(name))).toEqual(['main.cjs', 'program']);
  expect(loaded('echo x >new').files).toContain('run-ending');
});

describe('afterwards', () => {
  privileged(
    'deletions come first, nothing is applied without being asked, the exit code is the command`s',
    () => {
      const dir = directory();
      const { status, stdout, stderr } = overlayfsIn(dir, '--', ...CHANGES);
      expect([status, stdout]).toEqual([3, 'out\n']);
      expect(stderr).toBe(
        [
          'D /gone',
          'C /file  (content, mtime)',
          'A /sub/',
          'A /sub/one',
          'overlayfs: 1 deleted, 0 renamed, 2 added, 1 changed',
          'overlayfs: discarded, since there is no terminal to ask; --yes applies, --keep DIR keeps\n',
        ].join('\n'),
      );
      expect(readdirSync(dir).sort()).toEqual(['file', 'gone']);
    },
  );

  privileged('nobody is asked when it is known that they cannot be applied', () => {
    const dir = directory();
    // By the file tree of this process, which has no view; later by the clock of the filesystem, whose tick may come late.
    const theirs = `sleep 0.2; echo theirs >/proc/${process.pid}/root${dir}/file; sleep 0.2; echo mine >file`;
    const { status, stderr } = overlayfsIn(dir, 'sh', '-c', theirs);
    expect(status).toBe(0);
    expect(stderr).toBe(
      [
        'C /file  (content, mtime)',
        'overlayfs: 0 deleted, 0 renamed, 0 added, 1 changed',
        `overlayfs: cannot be applied: ${dir}/file was changed since the overlay was made`,
        'overlayfs: discarded; --keep DIR keeps them\n',
      ].join('\n'),
    );
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('theirs\n');
    expect(overlayfsIn(dir, '--yes', 'sh', '-c', theirs)).toMatchObject({ status: 125 });
  });

  privileged('--yes applies, --discard does not, --keep writes an upper', () => {
    const dir = directory();
    expect(overlayfsIn(dir, '--discard', ...CHANGES).stderr).not.toContain('discarded, since');
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('old');
    const upper = scratchDirectory().join('upper');
    expect(overlayfsIn(dir, '--keep', upper, ...CHANGES)).toMatchObject({ status: 3 });
    expect(readdirSync(upper).sort()).toEqual(['file', 'gone', 'sub']);
    // Before the command has run for hours.
    const refused = overlayfsIn(dir, '--keep', upper, 'sh', '-c', 'echo ran');
    expect(refused).toMatchObject({ status: 125, stdout: '' });
    expect(refused.stderr).toContain('exists, and what is kept replaces nothing');
    const nowhere = overlayfsIn(dir, '--keep', `${upper}/../nowhere/kept`, 'sh', '-c', 'echo ran');
    expect(nowhere).toMatchObject({ status: 125, stdout: '' });
    expect(nowhere.stderr).toContain('ERR_OVERLAY_NOT_FOUND');
    const whole = overlayfsIn(dir, '--whole', '--keep', `${upper}-whole`, 'sh', '-c', 'echo ran');
    expect(whole).toMatchObject({ status: 125, stdout: '' });
    expect(overlayfsIn(dir, '--yes', ...CHANGES)).toMatchObject({ status: 3 });
    expect([readdirSync(dir).sort(), readFileSync(join(dir, 'file'), 'utf8')]).toEqual([
      ['file', 'sub'],
      'new\n',
    ]);
  });

  privileged(
    'with several lowers nothing is applied, which is told, and no failure unless it was asked for',
    () => {
      const [dir, patch] = [directory(), scratchDirectory().directory('patch')];
      const words = ['--lower', patch, '--lower', '.'];
      const { status, stderr } = overlayfsIn(dir, ...words, ...CHANGES);
      expect([status, stderr.split('\n').slice(-4)]).toEqual([
        3,
        [
          'overlayfs: 1 deleted, 0 renamed, 2 added, 1 changed',
          'overlayfs: cannot be applied: there are 2 lowers, and the changes are against all of them together',
          'overlayfs: discarded; --keep DIR keeps them',
          '',
        ],
      ]);
      const refused = overlayfsIn(dir, ...words, '--yes', ...CHANGES);
      expect(refused).toMatchObject({ status: 125, stdout: '' });
      expect(refused.stderr).toContain(
        'with more than one --lower there is no directory that gets the changes',
      );
    },
  );

  privileged('a directory whose name is no text is covered as any other', () => {
    const script =
      'name=$(printf "odd\\377"); mkdir "$name"; cd "$name"; exec "$0" "$1" run --yes sh -c "echo 1 >new"';
    const cwd = directory();
    const { status, stderr } = spawnSync('sh', ['-c', script, process.execPath, programFile], {
      cwd,
      encoding: 'utf8',
      env: environment,
    });
    expect([status, stderr]).toEqual([
      0,
      'A /new\noverlayfs: 0 deleted, 0 renamed, 1 added, 0 changed\noverlayfs: applied\n',
    ]);
    expect(readFileSync(Buffer.from(`${cwd}/odd\xff/new`, 'latin1'), 'utf8')).toBe('1\n');
  });

  privileged('what cannot be shown is a failure of ours', () => {
    const script = '"$0" "$1" run --discard touch new 2>/dev/full';
    const words = ['-c', script, process.execPath, programFile];
    expect(spawnSync('sh', words, { cwd: directory(), env: environment }).status).toBe(125);
  });

  privileged('--keep where something is mounted below is refused before the command runs', () => {
    const dir = directory();
    mkdirSync(join(dir, 'mounted'));
    runProgram('mount', '-t', 'tmpfs', 'test', join(dir, 'mounted'));
    const { status, stdout, stderr } = overlayfsIn(dir, '--keep', `${dir}-kept`, 'sh', '-c', 'echo ran');
    expect([status, stdout]).toEqual([125, '']);
    expect(stderr).toContain('--keep: something is mounted in the directory, which takes 2 views');
    expect(existsSync(`${dir}-kept`)).toBe(false);
    expect(overlayfsIn(dir, '--discard', 'sh', '-c', 'echo ran')).toMatchObject({
      status: 0,
      stdout: 'ran\n',
    });
  });

  privileged('what there was no room for is not applied by --yes, and --keep keeps what there is', () => {
    const dir = directory();
    const kept = join(scratchDirectory().path, 'kept');
    const words = ['--size', '64k', '--', 'sh', '-c', 'head -c 1000000 /dev/zero >file'];
    const refused = overlayfsIn(dir, '--yes', ...words);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain('overlayfs: not applied: there was no room for all of it');
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('old');
    const told = overlayfsIn(dir, '--yes', '--json', ...words);
    expect([told.status, JSON.parse(told.stdout)]).toMatchObject([
      125,
      { full: true, decision: 'discarded' },
    ]);
    expect(overlayfsIn(dir, '--keep', kept, ...words).stderr).toContain('overlayfs: kept in');
    expect(readFileSync(join(kept, 'file')).length).toBeLessThan(1_000_000);
  });

  privileged('--json has stdout for itself', () => {
    const { stdout, stderr } = overlayfsIn(directory(), '--json', '--discard', ...CHANGES);
    expect(stderr).toBe('out\n');
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: 3,
      signal: null,
      decision: 'discarded',
      leftProcesses: false,
    });
    expect(JSON.parse(stdout).changes[0]).toMatchObject({ kind: 'deleted', path: 'gone' });
    expect(JSON.parse(stdout).changes).toHaveLength(4);
  });

  privileged('on a terminal it is asked for', async () => {
    const dir = directory();
    expect(await typed(dir, '[y/N]', 'no\n', ...CHANGES)).toContain('apply these changes? [y/N]');
    expect(existsSync(join(dir, 'gone'))).toBe(true);
    expect(await typed(dir, '[y/N]', 'y\n', ...CHANGES)).toContain('overlayfs: applied');
    expect(existsSync(join(dir, 'gone'))).toBe(false);
    expect(await typed(dir, 'nothing', '', 'true')).toBe('overlayfs: nothing was changed\n');
  });
});

describe('exit codes', () => {
  privileged('of signals, of commands that are not there or cannot be started, and our own', () => {
    const dir = directory();
    const code = (...args: readonly string[]) => overlayfsIn(dir, ...args).status;
    expect(code('sh', '-c', 'kill -TERM $$')).toBe(143);
    expect(code('no-such-command')).toBe(127);
    expect(code('./file')).toBe(126);
    expect(code('--at', '/', 'true')).toBe(125);
    expect(code('--at', '/nowhere', 'true')).toBe(125);
    expect(code('--nonsense', 'true')).toBe(125);
    expect(code()).toBe(125);
    expect(code('--yes', '--discard', 'true')).toBe(125);
    expect(code('--size', 'much', 'true')).toBe(125);
    expect(code('--size', '1m', 'sh', '-c', 'exit 2')).toBe(2);
  });

  privileged('flags behind the command are its own', () => {
    expect(overlayfsIn(directory(), 'echo', '--help', '--yes', '--').stdout).toBe('--help --yes --\n');
    const { status, stdout } = overlayfsIn('/', '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('no security sandbox');
  });
});

describe('signals', () => {
  privileged('reach the command, and SIGKILL of ours ends all of it', async () => {
    const dir = directory();
    const mark = `overlayfs-cli-run-${process.pid}`;
    const start = async () => {
      const script = "trap 'echo got; exit 4' TERM; sleep 60 & echo ready; wait";
      const child = spawn(process.execPath, [programFile, 'run', 'sh', '-c', script], {
        cwd: dir,
        env: { ...environment, MARK: mark },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await once(child.stdout, 'data');
      return child;
    };
    const told = await start();
    told.kill('SIGTERM');
    expect(await once(told, 'exit')).toEqual([4, null]);
    const killed = await start();
    expect(processesWith(`MARK=${mark}`).length).toBeGreaterThan(2);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    await expect.poll(() => processesWith(`MARK=${mark}`)).toEqual([]);
  });

  privileged('a command that stops stops us, and goes on with us', async () => {
    const child = spawn(
      'setsid',
      ['--wait', process.execPath, programFile, 'run', 'sh', '-c', 'echo ready; kill -STOP $$; exit 5'],
      { cwd: directory(), env: environment, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    await once(child.stdout, 'data');
    // setsid(1) becomes it, as it leads no group of processes.
    const state = () => /\) (\S)/.exec(readFileSync(`/proc/${child.pid}/stat`, 'latin1'))![1];
    await expect.poll(state).toBe('T');
    process.kill(child.pid!, 'SIGCONT');
    expect(await once(child, 'exit')).toEqual([5, null]);
  });

  privileged('a shell with job control sees that we stopped, and takes us back', () => {
    const words = [process.execPath, programFile, 'run', 'sh', '-c', 'kill -STOP $$; exit 5'];
    // wait(1) of bash comes back when a job stops.
    const script = 'set -m; "$@" & wait $!; jobs; fg >/dev/null; echo "ended with $?"';
    const { stdout } = spawnSync('setsid', ['--wait', 'bash', '-c', script, 'bash', ...words], {
      cwd: directory(),
      env: environment,
      encoding: 'utf8',
      timeout: 150_000,
    });
    expect(stdout).toMatch(/Stopped/);
    expect(stdout).toContain('ended with 5');
  });

  privileged('Ctrl-D is an answer, and no missing terminal', async () => {
    const dir = directory();
    const out = await typed(dir, '[y/N]', '\u0004', ...CHANGES);
    expect(out).toMatch(/\[y\/N\] .*\noverlayfs: discarded\n/);
    expect(readdirSync(dir).sort()).toEqual(['file', 'gone']);
  });

  privileged('Ctrl-C is the command`s', async () => {
    const script = "trap 'echo interrupted; exit 6' INT; echo x >new; echo ready; sleep 20 & wait";
    const out = await typed(directory(), 'ready', '\u0003', '--discard', 'sh', '-c', script);
    expect(out).toContain('interrupted');
    expect(out).toContain('1 added');
  });
});
