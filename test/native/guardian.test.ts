// Programs that become another program: what is told of it, what reaches it, and that nothing of it stays.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { close } from '../../lib/kernel/call.ts';
import { AT_FDCWD, CLONE_FILES, O_PATH, O_RDONLY } from '../../lib/kernel/constants.ts';
import { KEEP, MAY_FAIL, Program } from '../../lib/kernel/program.ts';
import { packageRoot } from '../support/built-package.ts';
import { openDescriptors, processesWith } from '../support/leaks.ts';

const strings = (...words: readonly string[]) => Buffer.from(words.map((word) => `${word}\0`).join(''));

/** A program that becomes /bin/sh. */
function shell(script: string, environment: readonly string[] = []): Program {
  const program = new Program(undefined, 'apart');
  program.add('unshare', 0, CLONE_FILES);
  program.add('execve', MAY_FAIL, '/bin/sh', strings('sh', '-c', script), strings(...environment));
  return program;
}

interface Told {
  readonly statuses: number[];
  readonly ended: Promise<unknown>;
  readonly socket: Socket;
}

function listen(fd: number): Told {
  const socket = new Socket({ fd });
  const statuses: number[] = [];
  socket.on('data', (bytes) => {
    for (let at = 0; at < bytes.length; at += 4) statuses.push(bytes.readInt32LE(at));
  });
  socket.resume();
  return { socket, statuses, ended: once(socket, 'close') };
}

const nothingLeft = async (mark: string) => {
  await expect.poll(() => processesWith(`MARK=${mark}`)).toEqual([]);
};

describe.runIf(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1)('a program that becomes another', () => {
  test('its end is told, with the code, and then nothing more', async () => {
    const before = openDescriptors();
    const program = shell('exit 7');
    await program.later();
    const { pid, socket, ended } = program.started;
    expect(pid).toBeGreaterThan(0);
    expect(ended).toBe(1);
    const told = listen(socket);
    await told.ended;
    expect(told.statuses).toEqual([7 << 8]);
    expect(openDescriptors()).toEqual(before);
  });

  test('what a step kept is ours, and the other descriptors are closed', async () => {
    const before = openDescriptors();
    const program = new Program(undefined, 'apart');
    program.add('openat', 0, AT_FDCWD, '/', O_PATH, 0);
    const kept = program.add('openat', KEEP, AT_FDCWD, '/proc', O_PATH, 0);
    program.add('unshare', 0, CLONE_FILES);
    program.add('execve', MAY_FAIL, '/bin/true', strings('true'), strings());
    await program.later();
    const told = listen(program.started.socket);
    await told.ended;
    const added = openDescriptors().filter(({ fd }) => !before.some((one) => one.fd === fd));
    expect(added).toEqual([{ fd: program.value(kept), target: '/proc' }]);
    close(program.value(kept));
    expect(openDescriptors()).toEqual(before);
  });

  test('a signal for it is a byte; stops and continuations are told too', async () => {
    const program = shell('exec sleep 60');
    await program.later();
    const told = listen(program.started.socket);
    told.socket.write(Buffer.of(19));
    await expect.poll(() => told.statuses).toEqual([(19 << 8) | 0x7f]);
    told.socket.write(Buffer.of(18));
    await expect.poll(() => told.statuses).toHaveLength(2);
    told.socket.write(Buffer.of(15));
    await told.ended;
    expect(told.statuses).toEqual([(19 << 8) | 0x7f, 0xffff, 15]);
  });

  test('no signal is blocked or ignored in it, and no descriptor but the first three is open', async () => {
    const program = shell(
      'exec 3>/dev/null; test "$(ls /proc/self/fd | wc -l)" -le 5 && ! grep -E "^Sig(Blk|Ign|Cgt).*[1-9a-f]" /proc/self/status',
    );
    await program.later();
    const told = listen(program.started.socket);
    await told.ended;
    expect(told.statuses).toEqual([0]);
  });

  test('what it leaves goes on until it is killed, children of children too', async () => {
    const mark = `left-${process.pid}`;
    const script = '(setsid sh -c "sleep 60 & sleep 60 & wait") >/dev/null 2>&1 & exit 0';
    const program = shell(script, [`MARK=${mark}`, 'PATH=/usr/bin:/bin']);
    await program.later();
    const told = listen(program.started.socket);
    await expect.poll(() => told.statuses).toEqual([0, -1]);
    await expect.poll(() => processesWith(`MARK=${mark}`).length).toBe(3);
    told.socket.write(Buffer.of(0));
    await told.ended;
    expect(processesWith(`MARK=${mark}`)).toEqual([]);
  });

  test('closing the socket kills everything', async () => {
    const mark = `closed-${process.pid}`;
    const program = shell('sleep 60 & sleep 60', [`MARK=${mark}`, 'PATH=/usr/bin:/bin']);
    await program.later();
    const told = listen(program.started.socket);
    await expect.poll(() => processesWith(`MARK=${mark}`).length).toBeGreaterThan(1);
    told.socket.destroy();
    await nothingLeft(mark);
  });

  test('where nothing can be started, the program ends as another does, and each try has its reason', async () => {
    const before = openDescriptors();
    const program = new Program(undefined, 'apart');
    const tries = ['/nowhere/x', '/etc/passwd', '/etc'].map((path) =>
      program.add('execve', MAY_FAIL, path, strings('x'), strings()),
    );
    await program.later();
    const { pid, socket } = program.started;
    expect(pid).toBe(0);
    expect(tries.map((step) => program.value(step))).toEqual([-2, -13, -13]);
    await listen(socket).ended;
    expect(openDescriptors()).toEqual(before);
    const failing = new Program(undefined, 'apart');
    failing.add('openat', KEEP, AT_FDCWD, '/', O_PATH, 0);
    failing.add('openat', 0, AT_FDCWD, '/nowhere', O_RDONLY, 0);
    await expect(failing.later()).rejects.toMatchObject({ code: 'ENOENT', step: 1 });
    expect(openDescriptors()).toEqual(before);
  });

  test('strings without an end are refused', async () => {
    const program = new Program(undefined, 'apart');
    program.add('execve', 0, '/bin/true', Buffer.from('true'), strings());
    await expect(program.later()).rejects.toMatchObject({ code: 'E2BIG' });
  });

  test('SIGKILL of the process that started it leaves nothing', async () => {
    const mark = `killed-${process.pid}`;
    const source = `
      const { createRequire } = await import('node:module');
      const addon = createRequire(process.argv[1])(process.argv[1]);
      const number = (name) => Object.keys(addon.calls).indexOf(name);
      const word = (...numbers) => Buffer.from(new Uint32Array(numbers).buffer);
      const padded = (bytes, terminator) =>
        Buffer.concat([word(bytes.length), bytes, Buffer.alloc(((bytes.length + terminator + 3) & ~3) - bytes.length)]);
      const list = (...all) => Buffer.from(all.map((one) => one + '\\0').join(''));
      const script = 'sleep 60 & setsid sleep 60 & sleep 60';
      const program = Buffer.concat([
        word(number('unshare')), word(0x400),
        word(number('execve')), padded(Buffer.from('/bin/sh'), 1),
        padded(list('sh', '-c', script), 0), padded(list('MARK=${mark}', 'PATH=/usr/bin:/bin'), 0),
      ]);
      await addon.runProgramApart(program, program.length, Buffer.alloc(64), []);
      setInterval(() => {}, 1000);`;
    const addon = join(packageRoot, 'build/Release/overlayfs.node');
    const child = spawn(process.execPath, ['--input-type=module', '-e', source, addon], { stdio: 'ignore' });
    await expect.poll(() => processesWith(`MARK=${mark}`).length).toBe(4);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await nothingLeft(mark);
  });
});
