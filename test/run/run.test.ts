// run(): what the command sees, what reaches it, what comes back, and what has become of the directory.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { mount, type RunningCommand, type RunOptions, run } from '../../lib/index.ts';
import { clockGoesOn } from '../support/filesystem-clock.ts';
import { openDescriptors, processesWith } from '../support/leaks.ts';
import { asNobody, printedJson, runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

interface Went {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

async function outcomeOf(command: RunningCommand): Promise<Went> {
  const [out, err, end] = await Promise.all([text(command.stdout!), text(command.stderr!), command.finished]);
  return { code: end.exitCode, signal: end.signal, out, err };
}

const sh = (script: string, options: RunOptions = {}) => run('sh', ['-c', script], options);

function directory(files: Readonly<Record<string, string>> = { file: 'old' }): string {
  const dir = scratchDirectory().directory('dir');
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  return dir;
}

const told = async (command: RunningCommand) =>
  (await command.changes()).map(({ kind, path }) => `${kind} ${path}`).sort();

describe('streams that nobody reads', () => {
  for (const when of ['before the end', 'after it'])
    privileged(`keep nobody from close, waited for ${when}`, async () => {
      await using command = await sh('echo out; echo err >&2', { cwd: directory() });
      if (when === 'after it') await command.finished;
      await once(command, 'close');
      expect(command.stdout!.closed && command.stderr!.closed).toBe(true);
    });

  privileged('have all that was written, for who does not wait for close', async () => {
    await using command = await sh('echo out', { cwd: directory() });
    await command.finished;
    expect(await text(command.stdout!)).toBe('out\n');
  });
});

describe('the view', () => {
  privileged('is at the directory itself, and the directory stays as it is', async () => {
    const before = openDescriptors();
    const dir = directory();
    {
      await using command = await sh(
        'pwd -P; cat file; echo new >file; cat "$PWD/file"; mkdir sub; rm file',
        {
          cwd: dir,
        },
      );
      expect(await outcomeOf(command)).toEqual({ code: 0, signal: null, out: `${dir}\noldnew\n`, err: '' });
      expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('old');
      expect(existsSync(join(command.path, 'sub'))).toBe(true);
      expect(await told(command)).toEqual(['added sub', 'deleted file']);
    }
    expect(readdirSync(dir)).toEqual(['file']);
    expect(openDescriptors()).toEqual(before);
  });

  privileged('is nowhere else: other processes see nothing, and no mount is left', async () => {
    const dir = directory();
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    await using command = await sh('echo x >other; echo ready; exec sleep 60', { cwd: dir });
    await once(command.stdout!, 'data');
    expect(readdirSync(dir)).toEqual(['file']);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
    expect(readFileSync(`/proc/${command.pid}/mountinfo`, 'utf8')).toContain(` ${dir} `);
    await command.discard();
    expect(existsSync(`/proc/${command.pid}`)).toBe(false);
  });

  privileged('shows other lowers at another place, and the rest of the system is as it was', async () => {
    const { lower, target } = scratchDirectory().layers({ lower: 2 });
    await using command = await sh(`cat ${target}/shared; ls ${target}; cat /etc/hostname`, {
      lower,
      at: target,
    });
    const { out } = await outcomeOf(command);
    expect(out).toBe(`lower0dir\nfrom-lower0\nfrom-lower1\nshared\n${readFileSync('/etc/hostname', 'utf8')}`);
  });

  privileged('is given with a name of any bytes', async () => {
    const dir = scratchDirectory().directory('a:b,c\\d "e" \n');
    await using command = await sh('pwd; echo 1 >new', { cwd: dir });
    expect(await outcomeOf(command)).toMatchObject({ code: 0, out: `${dir}\n` });
    expect(await told(command)).toEqual(['added new']);
    expect(readdirSync(dir)).toEqual([]);
  });

  privileged(
    'covers what is mounted in the directory too, and keeps what cannot be covered from being written',
    async () => {
      const script = `
      import { run } from 'overlayfs';
      import { text } from 'node:stream/consumers';
      const [dir] = process.argv.slice(1);
      const command = await run('sh', ['-c', 'echo 1 >disk/new; echo 2 >new; cat disk/there; echo 3 2>&1 >ro/new; ls proc/self >/dev/null && echo proc'], { cwd: dir });
      const out = await text(command.stdout);
      const { exitCode } = await command.finished;
      console.log(JSON.stringify({ out, exitCode, changes: (await command.changes()).map(({ path }) => path) }));
      await command.apply();`;
      const dir = scratchDirectory().directory('dir');
      const setUp =
        'for i in disk ro proc; do mkdir "$1"/$i; done; mount -t tmpfs t "$1"/disk; echo there >"$1"/disk/there; mount -t tmpfs t "$1"/ro; mount -o remount,ro "$1"/ro; mount -t proc p "$1"/proc; shift; "$@"; ls "$0"/disk "$0"';
      const node = [process.execPath, '--input-type=module', '-e', script, '--', dir];
      const words = ['--mount', '--propagation', 'private', 'sh', '-c', setUp, dir, dir, ...node];
      const { stdout, stderr } = spawnSync('unshare', words, { encoding: 'utf8', cwd: process.cwd() });
      expect(stderr).toBe('');
      const [json, ...listing] = stdout.trim().split('\n');
      expect(JSON.parse(json!)).toMatchObject({ exitCode: 0, changes: ['new', 'disk/new'] });
      expect(JSON.parse(json!).out).toMatch(/^there\n.*Read-only file system\nproc\n$/);
      expect(listing.filter((name) => name === 'new')).toHaveLength(2);
    },
  );

  privileged('of the whole: every directory is covered, and the root is read-only', async () => {
    const name = `overlayfs-run-${process.pid}`;
    const script = `echo 1 >/var/tmp/${name}; echo 2 >/etc/${name}; echo 3 2>&1 >/${name}; test -c /dev/null && ls /proc/self/fd >/dev/null && echo rest`;
    await using command = await sh(script, { whole: true });
    const { out, code } = await outcomeOf(command);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/Read-only file system\nrest\n$/) });
    expect(await told(command)).toEqual([`added etc/${name}`, `added var/tmp/${name}`, 'modified var/tmp']);
    for (const path of ['/var/tmp', '/etc', '/']) expect(existsSync(join(path, name))).toBe(false);
  });
});

describe('the process', () => {
  privileged(
    'user, group, mask of signals, environment, arguments and descriptors are as they were',
    async () => {
      const dir = directory();
      const code =
        'id -u; id -g; umask; echo "$A|$0|$1"; ls /proc/self/fd | wc -l; grep -c . /proc/self/uid_map';
      await using command = await run('sh', ['-c', code, 'zero', 'one two'], {
        cwd: dir,
        env: { ...process.env, A: 'ä' },
      });
      // What is inherited by any child comes along, as with child_process.
      const [umask, fds] = spawnSync('sh', ['-c', 'umask; ls /proc/self/fd | wc -l'], {
        encoding: 'utf8',
      }).stdout.split('\n');
      const { out, err } = await outcomeOf(command);
      expect(err).toBe('');
      expect(out).toBe(`${process.getuid!()}\n${process.getgid!()}\n${umask}\nä|zero|one two\n${fds}\n1\n`);
    },
  );

  privileged('words and variables may hold any bytes', async () => {
    const word = Buffer.from([0x61, 0xff, 0xfe]);
    await using command = await run('sh', ['-c', 'printf %s "$0$B" | od -An -tx1', word], {
      cwd: directory(),
      env: { PATH: process.env.PATH, B: Buffer.from([0x80]) },
    });
    expect((await outcomeOf(command)).out).toBe(' 61 ff fe 80\n');
  });

  privileged(
    'stdin, stdout and stderr are pipes, files and descriptors of ours, and can be opened again',
    async () => {
      const dir = directory();
      await using one = await sh('cat; echo err >/dev/stderr', { cwd: dir });
      one.stdin!.end('through');
      expect(await outcomeOf(one)).toEqual({ code: 0, signal: null, out: 'through', err: 'err\n' });
      const file = scratchDirectory().join('out');
      const fd = openSync(file, 'w');
      try {
        // Crossed, so that none may be overwritten before it is used.
        await using two = await sh('echo one; echo two >&2; echo three >&3; cat', {
          cwd: dir,
          stdio: ['ignore', fd, { fd }, fd],
        });
        expect([two.stdin, two.stdout, two.stderr]).toEqual([null, null, null]);
        await two.finished;
      } finally {
        closeSync(fd);
      }
      expect(readFileSync(file, 'utf8')).toBe('one\ntwo\nthree\n');
    },
  );

  privileged('ends with its code or by its signal, as events too', async () => {
    const dir = directory();
    await using three = await sh('exit 3', { cwd: dir });
    const exit = once(three, 'exit');
    expect(await three.finished).toEqual({ exitCode: 3, signal: null, leftProcesses: false });
    expect(await exit).toEqual([3, null]);
    expect([three.exitCode, three.signalCode, three.kill()]).toEqual([3, null, false]);
    await using killed = await sh('kill -SEGV $$', { cwd: dir });
    expect(await killed.finished).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
    await using ours = await run('sleep', ['60'], { cwd: dir });
    expect(ours.kill('SIGUSR1')).toBe(true);
    expect(await ours.finished).toMatchObject({ exitCode: null, signal: 'SIGUSR1' });
    expect([ours.killed, ours.signalCode]).toEqual([true, 'SIGUSR1']);
  });

  privileged('is stopped and goes on', async () => {
    await using command = await run('sleep', ['60'], { cwd: directory() });
    const stop = once(command, 'stop');
    // SIGTSTP stops nobody in a process group that no shell watches over, as in CI.
    command.kill('SIGSTOP');
    expect(await stop).toEqual(['SIGSTOP']);
    const goOn = once(command, 'continue');
    command.kill('SIGCONT');
    await goOn;
    expect(() => command.changes()).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_RUN_GOING' }));
    command.kill();
    expect(await command.finished).toMatchObject({ signal: 'SIGTERM' });
  });

  privileged('an AbortSignal ends it, and is the reason', async () => {
    const dir = directory();
    const abort = new AbortController();
    await using command = await run('sleep', ['60'], {
      cwd: dir,
      signal: abort.signal,
      killSignal: 'SIGINT',
    });
    abort.abort();
    await expect(command.finished).rejects.toBe(abort.signal.reason);
    expect(command.signalCode).toBe('SIGINT');
    await expect(run('true', [], { cwd: dir, signal: abort.signal })).rejects.toBe(abort.signal.reason);
  });
});

describe('processes that the command leaves', () => {
  // What is left waits until the command has been waited for, and writes then, unless it has been killed.
  const script = `(setsid sh -c 'while kill -0 "$1"; do sleep 0.01; done; sleep "$2"; echo late >late' sh $$ "$1" >/dev/null 2>&1 </dev/null &) ; echo done`;

  privileged('are killed, and the end says so', async () => {
    const dir = directory();
    const mark = `overlayfs-left-${process.pid}`;
    await using command = await run('sh', ['-c', script, 'sh', '60'], {
      cwd: dir,
      env: { ...process.env, MARK: mark },
    });
    expect(await command.finished).toEqual({ exitCode: 0, signal: null, leftProcesses: true });
    expect(processesWith(`MARK=${mark}`)).toEqual([]);
    expect(await told(command)).toEqual([]);
  });

  privileged('are waited for when that is asked for', async () => {
    await using command = await run('sh', ['-c', script, 'sh', '0'], { cwd: directory(), leftovers: 'wait' });
    expect(await command.finished).toEqual({ exitCode: 0, signal: null, leftProcesses: true });
    expect(await told(command)).toEqual(['added late']);
  });

  privileged('go with discard(), the command too', async () => {
    const mark = `overlayfs-discard-${process.pid}`;
    const command = await sh('sleep 60 & setsid sleep 60 & sleep 60', {
      cwd: directory(),
      env: { ...process.env, MARK: mark },
    });
    await expect.poll(() => processesWith(`MARK=${mark}`).length).toBe(4);
    await command.discard();
    await command.discard();
    expect(processesWith(`MARK=${mark}`)).toEqual([]);
  });
});

describe('afterwards', () => {
  privileged('whether anything was changed is told at once', async () => {
    for (const [script, untouched] of [
      ['cat file; ls', true],
      ['echo x >file', false],
      ['rm file', false],
      ['chmod 700 .', false],
      ['touch -d @1 .', false],
      // Nothing is left of it but the time of the directory.
      ['touch a; rm a', false],
    ] as const) {
      await using command = await sh(script, { cwd: directory(), stdio: 'ignore' });
      expect(() => command.isUntouched()).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_RUN_GOING' }));
      await command.finished;
      expect([script, command.isUntouched()]).toEqual([script, untouched]);
    }
  });

  privileged('changes are applied, and nothing else', async () => {
    const dir = directory({ file: 'old', gone: 'x', same: 's' });
    await using command = await sh('echo new >file; rm gone; mkdir sub; echo 1 >sub/one', { cwd: dir });
    await command.finished;
    const [plan] = await command.plan();
    expect(plan!.steps.map(({ action, path }) => `${action} ${path}`)[0]).toBe('remove gone');
    const inode = statSync(join(dir, 'same')).ino;
    await command.apply();
    expect(readdirSync(dir).sort()).toEqual(['file', 'same', 'sub']);
    expect([readFileSync(join(dir, 'file'), 'utf8'), statSync(join(dir, 'same')).ino]).toEqual([
      'new\n',
      inode,
    ]);
    await expect(command.changes().then((all) => all)).rejects.toMatchObject({ code: 'ERR_OVERLAY_ENDED' });
    await expect(command.plan()).rejects.toMatchObject({ code: 'ERR_OVERLAY_ENDED' });
  });

  /** What somebody does to the directory after the command was started, and before it ends. */
  async function meanwhile(
    script: string,
    somebody: (dir: string) => void,
  ): Promise<[string, RunningCommand]> {
    const dir = directory({ file: 'old', other: 'old' });
    mkdirSync(join(dir, 'sub'));
    writeFileSync(join(dir, 'sub/inside'), 'old');
    const command = await sh(`${script}; echo done; read go`, { cwd: dir });
    await once(command.stdout!, 'data');
    await clockGoesOn();
    somebody(dir);
    command.stdin!.end();
    await command.finished;
    return [dir, command];
  }

  const CONFLICTS: readonly [string, string, string, (dir: string) => void][] = [
    ['the same file', 'echo new >file', 'file', (dir) => writeFileSync(join(dir, 'file'), 'theirs')],
    ['a file that goes', 'rm file', 'file', (dir) => writeFileSync(join(dir, 'file'), 'theirs')],
    ['a file of the same name', 'echo 1 >new', 'new', (dir) => writeFileSync(join(dir, 'new'), 'theirs')],
    ['only its mode', 'echo new >file', 'file', (dir) => chmodSync(join(dir, 'file'), 0o600)],
    ['what is in a directory that goes', 'rm -r sub', 'sub', (dir) => writeFileSync(join(dir, 'sub/x'), '1')],
    ['the mode of a directory', 'chmod 711 sub', 'sub', (dir) => chmodSync(join(dir, 'sub'), 0o750)],
  ];
  for (const [what, script, name, somebody] of CONFLICTS)
    privileged(`somebody changed ${what} meanwhile: a conflict, and nothing is lost`, async () => {
      const [dir, running] = await meanwhile(script, somebody);
      await using command = running;
      const words = ['-c', 'stat -c "%n %a" . * */*; cat * */*'];
      const look = () => spawnSync('sh', words, { cwd: dir }).stdout.toString();
      const before = look();
      await expect(command.apply()).rejects.toMatchObject({
        code: 'ERR_OVERLAY_CONFLICT',
        path: join(dir, name),
        message: expect.stringContaining('since the overlay was made'),
      });
      expect(look()).toBe(before);
      await command.apply({ force: true });
      expect(look()).not.toBe(before);
    });

  privileged('what somebody did elsewhere in the directory is no conflict, and stays', async () => {
    const [dir, running] = await meanwhile('echo new >file; echo 1 >sub/mine', (at) => {
      writeFileSync(join(at, 'other'), 'theirs');
      writeFileSync(join(at, 'sub/theirs'), '1');
    });
    await using command = running;
    await command.apply();
    expect(readFileSync(join(dir, 'other'), 'utf8')).toBe('theirs');
    expect(readdirSync(join(dir, 'sub')).sort()).toEqual(['inside', 'mine', 'theirs']);
  });

  privileged('changes are kept as an upper', async () => {
    const dir = directory();
    await using command = await sh('rm file; echo 1 >new', { cwd: dir });
    await command.finished;
    const upper = scratchDirectory().join('upper');
    await command.keep(upper);
    expect(readdirSync(upper).sort()).toEqual(['file', 'new']);
    expect(statSync(join(upper, 'file')).isCharacterDevice()).toBe(true);
  });

  privileged('no room: the command is told, and so are we', async () => {
    await using command = await sh('head -c 3000000 /dev/zero >big', { cwd: directory(), size: 1 << 20 });
    const { code, err } = await outcomeOf(command);
    expect(code).not.toBe(0);
    expect(err).toMatch(/No space left/);
    expect(await command.isFull()).toBe(true);
    await using enough = await sh('echo 1 >new', { cwd: directory() });
    await enough.finished;
    expect(await enough.isFull()).toBe(false);
  });

  privileged('of several views none is applied when one of them cannot be', async () => {
    const dir = directory({ file: 'old' });
    const disk = directory({ locked: 'old' });
    mkdirSync(join(dir, 'disk'));
    spawnSync('mount', ['--bind', disk, join(dir, 'disk')]);
    try {
      await using command = await sh('echo new >file; echo new >disk/locked', { cwd: dir });
      await command.finished;
      spawnSync('chattr', ['+i', join(disk, 'locked')]);
      const plans = await command.plan();
      expect(plans.map(({ obstacles }) => obstacles.map(({ code }) => code))).toEqual([
        [],
        ['ERR_OVERLAY_IMMUTABLE'],
      ]);
      // chattr(1) is a change too, and a conflict.
      await expect(command.apply({ force: true })).rejects.toMatchObject({ code: 'ERR_OVERLAY_IMMUTABLE' });
      expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('old');
    } finally {
      spawnSync('chattr', ['-i', join(disk, 'locked')]);
      spawnSync('umount', [join(dir, 'disk')]);
    }
  });

  privileged('of several views, what is for one is refused', async () => {
    await using command = await run('true', [], { whole: true });
    await command.finished;
    await expect(command.keep('/nowhere')).rejects.toMatchObject({ code: 'ERR_OVERLAY_RUN_SEVERAL' });
    await expect(command.plan({ paths: ['x'] })).rejects.toMatchObject({ code: 'ERR_OVERLAY_RUN_SEVERAL' });
    expect(await command.plan()).toEqual([]);
  });
});

describe('what cannot be', () => {
  const refused = async (expected: object, command: string, options: RunOptions) => {
    const before = openDescriptors();
    await expect(run(command, [], options)).rejects.toMatchObject(expected);
    expect(openDescriptors()).toEqual(before);
  };

  privileged('commands that are not there, or no commands', async () => {
    const scratch = scratchDirectory();
    const dir = directory();
    const bad = scratch.file('bad', '#!/nowhere/interpreter\n');
    chmodSync(bad, 0o755);
    const notFound = {
      code: 'ERR_OVERLAY_COMMAND_NOT_FOUND',
      option: 'command',
      syscall: 'execve',
      errno: -2,
    };
    await refused(notFound, 'no-such-command', { cwd: dir });
    await refused(notFound, './no-such', { cwd: dir });
    await refused(notFound, 'sh', { cwd: dir, env: { PATH: '/nowhere' } });
    const not = 'ERR_OVERLAY_COMMAND_NOT_EXECUTABLE';
    await refused({ code: not, errno: -13, path: './file' }, './file', { cwd: dir });
    await refused({ code: not, message: expect.stringContaining('is a directory') }, '/etc', { cwd: dir });
    await refused({ code: not, message: expect.stringContaining('"/nowhere/interpreter"') }, bad, {
      cwd: dir,
    });
    await expect(run('true', ['x'.repeat(1 << 20)], { cwd: dir })).rejects.toMatchObject({
      code: not,
      message: expect.stringContaining('longer than the kernel takes'),
    });
  });

  privileged('a script without a first line is for the shell, as execvp(3) has it', async () => {
    const dir = directory({ script: 'echo "$0" "$@"\n' });
    chmodSync(join(dir, 'script'), 0o755);
    await using command = await run('./script', ['a', 'b c'], { cwd: dir });
    expect((await outcomeOf(command)).out).toBe('./script a b c\n');
    await using found = await run('script', [], { cwd: dir, env: { PATH: `/nowhere:${dir}` } });
    expect((await outcomeOf(found)).out).toBe(`${dir}/script\n`);
  });

  privileged('places that are none', async () => {
    const { lower, target } = scratchDirectory().layers();
    await refused({ code: 'ERR_OVERLAY_RUN_ROOT', option: 'at' }, 'true', { at: '/' });
    await refused({ code: 'ERR_OVERLAY_NOT_FOUND', option: 'at' }, 'true', { at: '/nowhere' });
    await refused({ code: 'ERR_OVERLAY_NOT_FOUND', option: 'cwd' }, 'true', { cwd: '/nowhere' });
    await refused({ code: 'ERR_OVERLAY_NOT_DIRECTORY', option: 'at' }, 'true', { at: '/etc/passwd' });
    await refused({ code: 'ERR_OVERLAY_NOT_FOUND', option: 'lower', index: 1 }, 'true', {
      at: target,
      lower: [lower[0]!, '/nowhere'],
    });
    const inside = scratchDirectory().directory('target2', 'inside');
    await refused({ code: 'ERR_OVERLAY_NOT_FOUND', option: 'cwd', syscall: 'chdir' }, 'true', {
      lower,
      at: join(inside, '..'),
      cwd: inside,
    });
  });

  privileged('descriptors that are none', async () => {
    await refused({ code: 'ERR_OVERLAY_INVALID_DESCRIPTOR', option: 'stdio', syscall: 'dup3' }, 'true', {
      cwd: directory(),
      stdio: ['ignore', 9999, 'ignore'],
    });
  });

  test('arguments of the wrong kind, before any system call', async () => {
    const wrong = (code: string, option: string, ...args: unknown[]) =>
      expect((run as (...all: unknown[]) => Promise<unknown>)(...args)).rejects.toMatchObject({
        code,
        option,
      });
    await wrong('ERR_OVERLAY_INVALID_TYPE', 'command', 7);
    await wrong('ERR_OVERLAY_EMPTY_PATH', 'command', '');
    await wrong('ERR_OVERLAY_NUL_BYTE', 'command', 'a\0b');
    await wrong('ERR_OVERLAY_INVALID_TYPE', 'args', 'true', 'x');
    await wrong('ERR_OVERLAY_INVALID_TYPE', 'args', 'true', [1]);
    await wrong('ERR_OVERLAY_NUL_BYTE', 'args', 'true', ['a\0']);
    await wrong('ERR_OVERLAY_INVALID_TYPE', 'options', 'true', [], null);
    await wrong('ERR_OVERLAY_UNKNOWN_OPTION', 'sdtio', 'true', [], { sdtio: 'pipe' });
    await wrong('ERR_OVERLAY_OPTION_CONFLICT', 'at', 'true', [], { whole: true, at: '/tmp' });
    await wrong('ERR_OVERLAY_INVALID_VALUE', 'leftovers', 'true', [], { leftovers: 'keep' });
    await wrong('ERR_OVERLAY_INVALID_TYPE', 'signal', 'true', [], { signal: {} });
    await wrong('ERR_OVERLAY_INVALID_VALUE', 'killSignal', 'true', [], { killSignal: 'SIGNOTHING' });
    await wrong('ERR_OVERLAY_INVALID_TYPE', 'env', 'true', [], { env: 1 });
  });

  privileged('kinds of stdio that there are none of', async () => {
    const dir = directory();
    const stdio = (...entries: unknown[]) => ({ cwd: dir, stdio: entries }) as RunOptions;
    await refused(
      { code: 'ERR_OVERLAY_INVALID_VALUE', option: 'stdio', index: 1 },
      'true',
      stdio('pipe', 'ipc'),
    );
    await refused({ code: 'ERR_OVERLAY_INVALID_TYPE', option: 'stdio' }, 'true', stdio('pipe', {}));
    await refused({ code: 'ERR_OVERLAY_NOT_SUPPORTED', index: 3 }, 'true', stdio(null, null, null, 'pipe'));
  });
});

interface Seen {
  readonly out: string;
  readonly exitCode: number;
  readonly changes: string[];
}

describe('without root', () => {
  const script = (command: string, options = '{}') => `
    import { run } from 'overlayfs';
    import { text } from 'node:stream/consumers';
    const [dir] = process.argv.slice(1);
    const command = await run('sh', ['-c', ${JSON.stringify(command)}], { cwd: dir, ...${options} });
    const [out, err] = await Promise.all([text(command.stdout), text(command.stderr)]);
    const { exitCode } = await command.finished;
    const changes = (await command.changes()).map(({ kind, path }) => kind + ' ' + path);
    await command.apply();
    console.log(JSON.stringify({ out: out + err, exitCode, changes }));`;

  function nobodys(): string {
    const dir = directory({ file: 'old', gone: 'x' });
    if (process.geteuid!() === 0)
      for (const path of [dir, join(dir, 'file'), join(dir, 'gone')]) chownSync(path, 65534, 65534);
    return dir;
  }

  test('the same, with the same user and group', async () => {
    const dir = nobodys();
    const id = process.geteuid!() === 0 ? '65534' : String(process.geteuid!());
    const outcome = asNobody(script('pwd; id -u; rm gone; echo new >file; grep CapEff /proc/self/status'), {
      args: [dir],
    });
    expect(printedJson<Seen>(outcome)).toEqual({
      out: `${dir}\n${id}\nCapEff:\t0000000000000000\n`,
      exitCode: 0,
      changes: expect.arrayContaining(['deleted gone', 'modified file']),
    });
    expect(readdirSync(dir)).toEqual(['file']);
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('new\n');
  });

  privileged("what cannot be read stays so, and others' files cannot be changed", async () => {
    const dir = nobodys();
    chmodSync(join(dir, 'gone'), 0o600);
    chownSync(join(dir, 'gone'), 0, 0);
    writeFileSync(join(dir, 'roots'), 'r', { mode: 0o666 });
    const outcome = asNobody(script('cat gone; echo x >>roots; echo $?; echo 1 >new'), { args: [dir] });
    const { out, exitCode, changes } = printedJson<Seen>(outcome);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/Permission denied/);
    expect(changes).toEqual(['added new']);
  });

  privileged(
    "the root of a view is this user's, also over another's directory: the plan tells that it cannot be applied",
    () => {
      const dir = directory({ file: 'old', gone: 'x' });
      const over = `
      import { run } from 'overlayfs';
      const [dir] = process.argv.slice(1);
      const command = await run('sh', ['-c', 'echo 1 >new; rm gone'], { cwd: dir, stdio: 'ignore' });
      const { exitCode } = await command.finished;
      const changes = (await command.changes()).map(({ kind, path }) => kind + ' ' + path);
      const plans = await command.plan();
      const obstacles = plans.flatMap(({ obstacles }) => obstacles.map(({ code, path }) => [code, path]));
      const refused = await command.apply({ force: true }).catch(({ code, path }) => [code, path]);
      await command.discard();
      console.log(JSON.stringify({ exitCode, changes: changes.sort(), obstacles, refused }));`;
      const forbidden = ['ERR_OVERLAY_NO_ACCESS', dir];
      expect(printedJson(asNobody(over, { args: [dir] }))).toEqual({
        exitCode: 0,
        changes: ['added new', 'deleted gone'],
        obstacles: [forbidden],
        refused: forbidden,
      });
      expect(readdirSync(dir).sort()).toEqual(['file', 'gone']);
    },
  );

  test('a program in a directory that may not be entered is one that nobody has found', () => {
    const closed = scratchDirectory().directory('closed');
    chmodSync(closed, 0o700);
    const outcome = asNobody(
      `import { run } from 'overlayfs';
      const env = { PATH: ${JSON.stringify(`${closed}/bin:/nowhere`)} };
      const code = await run('no-such', [], { cwd: process.argv[1], env }).catch(({ code }) => code);
      console.log(JSON.stringify({ code }));`,
      { args: [nobodys()] },
    );
    expect(printedJson(outcome)).toEqual({ code: 'ERR_OVERLAY_COMMAND_NOT_FOUND' });
  });

  test('the whole: what cannot be covered cannot be written to either', () => {
    const name = `/var/tmp/overlayfs-whole-${process.pid}`;
    const outcome = asNobody(script(`echo 1 >${name}; grep -c . /proc/self/mounts`, '{ whole: true }'), {
      args: ['/'],
    });
    // A directory of somebody else's cannot be copied up by this user: EOVERFLOW.
    const { out, changes } = printedJson<Seen>(outcome);
    expect(out).toMatch(/cannot create/);
    expect(changes).toEqual([]);
    expect(existsSync(name)).toBe(false);
  });
});

privileged('an overlay is a lower as another directory is, as deep as the kernel goes', async () => {
  const dir = directory();
  const nested = `
    import { run } from 'overlayfs';
    const command = await run('sh', ['-c', 'cat file'], { cwd: ${JSON.stringify(dir)}, stdio: 'inherit' });
    const { exitCode } = await command.finished;
    await command.discard();
    process.exitCode = exitCode;`;
  await using outer = await run(process.execPath, ['--input-type=module', '-e', nested], {
    at: dir,
    cwd: process.cwd(),
  });
  expect(await outcomeOf(outer)).toEqual({ code: 0, signal: null, out: 'old', err: '' });
});

privileged('an overlay over an overlay is no lower any more', async () => {
  const scratch = scratchDirectory();
  const at = (name: string) => scratch.directory(name);
  const first = await mount({
    lower: at('lower'),
    upper: at('upper1'),
    work: at('work1'),
    target: at('one'),
  });
  const second = await mount({ lower: at('one'), upper: at('upper2'), work: at('work2'), target: at('two') });
  try {
    await using command = await sh('echo 1 >new', { cwd: at('one') });
    expect(await command.finished).toMatchObject({ exitCode: 0 });
    await expect(run('true', [], { cwd: at('two') })).rejects.toMatchObject({ code: 'ERR_OVERLAY_TOO_DEEP' });
  } finally {
    await second.unmount();
    await first.unmount();
  }
});

privileged('a worker that ends takes its commands with it, and nothing else', async () => {
  const mark = `overlayfs-worker-${process.pid}`;
  const script = `
    import { readdirSync, readFileSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    const [url, cwd] = process.argv.slice(1);
    const inside = \`
      import { parentPort, workerData } from 'node:worker_threads';
      const { run } = await import(workerData.url);
      const env = { ...process.env, MARK: '${mark}' };
      await run('sh', ['-c', 'sleep 60 & sleep 60'], { cwd: workerData.cwd, stdio: 'ignore', env });
      parentPort.postMessage('running');\`;
    const marked = () => readdirSync('/proc').filter((name) => {
      try { return /^\\d+$/.test(name) && readFileSync('/proc/' + name + '/environ', 'latin1').includes('MARK=${mark}'); } catch { return false; }
    }).length;
    const worker = new Worker(inside, { eval: true, workerData: { url, cwd } });
    await new Promise((resolve) => worker.once('message', resolve));
    const until = async (reached) => {
      const end = Date.now() + 60_000;
      while (!reached() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
      return reached();
    };
    const before = await until(() => marked() >= 2);
    await worker.terminate();
    await until(() => marked() === 0);
    console.log(JSON.stringify({ before, after: marked() }));`;
  const url = new URL('../../dist/index.js', import.meta.url).href;
  expect(printedJson(runNode(script, { args: [url, directory()] }))).toEqual({ before: true, after: 0 });
});
