// Programs in a child process: what they leave, this process does not leave; what they open is this process's.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { callAsync, callSync, close } from '../../lib/kernel/call.ts';
import {
  AT_FDCWD,
  CLONE_NEWUSER,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  procPath,
} from '../../lib/kernel/constants.ts';
import type { KernelError } from '../../lib/kernel/kernel-error.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../../lib/kernel/program.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { packageRoot } from '../support/built-package.ts';
import { runFaked } from '../support/fake-errno.ts';
import { openDescriptors } from '../support/leaks.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { scratchDirectory } from '../support/scratch.ts';

const drivers: [string, (program: Program) => Promise<Program>][] = [
  ['sync', async (program) => runSync(program.run())],
  ['promise', (program) => runAsync(program.run())],
];

const inChild = (given: readonly number[] = []) => new Program(given, 'child');

const addonPath = join(packageRoot, 'build/Release/overlayfs.node');

/** All children of all threads of this process, as the kernel lists them. */
function children(): string[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    const listed = readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim();
    return listed === '' ? [] : listed.split(' ');
  });
}

describe.each(drivers)('%s', (_, run) => {
  test('the program runs in another process, which is gone afterwards', async () => {
    const before = children();
    const program = inChild();
    const self = program.add('readlinkat', WANT, AT_FDCWD, '/proc/self');
    await run(program);
    expect(Number(program.bytes(self)!.toString())).toBeGreaterThan(0);
    expect(program.bytes(self)!.toString()).not.toBe(String(process.pid));
    expect(children()).toEqual(before);
  });

  test('a kept descriptor is ours, born O_CLOEXEC; the others are closed; given ones are taken over', async () => {
    const before = openDescriptors();
    const open = inChild();
    const root = open.add('openat', 0, AT_FDCWD, '/', O_PATH | O_DIRECTORY, 0);
    const step = open.add('openat', KEEP, root, 'proc', O_PATH | O_DIRECTORY, 0);
    await run(open);
    const fd = open.value(step);
    expect(readlinkSync(procPath(fd))).toBe('/proc');
    expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^flags:\s*0?12\d{6}$/m);
    const use = inChild([fd]);
    use.close(fd);
    await run(use);
    expect(close(fd)).toBe(false);
    expect(openDescriptors()).toEqual(before);
  });

  test('a failure names its step, and leaves no descriptor', async () => {
    const before = openDescriptors();
    const program = inChild();
    program.add('openat', KEEP, AT_FDCWD, '/', O_PATH, 0);
    program.add('openat', MAY_FAIL, AT_FDCWD, '/nowhere', O_PATH, 0);
    program.add('openat', 0, AT_FDCWD, '/nowhere', O_RDONLY, 0);
    const error = await run(program).catch((thrown: KernelError) => thrown);
    expect(error).toMatchObject({ code: 'ENOENT', step: 2, call: 'openat(AT_FDCWD, "/nowhere", 0, 0)' });
    expect(openDescriptors()).toEqual(before);
  });

  test('a namespace is left by the child alone, and never here', async () => {
    const [namespace, owner] = [readlinkSync('/proc/self/ns/user'), statSync('/proc/self/status').uid];
    const program = inChild();
    const left = program.add('unshare', MAY_FAIL, CLONE_NEWUSER);
    const link = program.add('readlinkat', WANT, AT_FDCWD, '/proc/self/ns/user');
    await run(program);
    const here = program.bytes(link)!.toString() === namespace;
    expect(here).toBe(program.value(left) < 0);
    expect(readlinkSync('/proc/self/ns/user')).toBe(namespace);
    // Who may look into this process: /proc says it by its owner.
    expect(statSync('/proc/self/status').uid).toBe(owner);
    const refused = new Program();
    refused.add('unshare', 0, CLONE_NEWUSER);
    await expect(run(refused)).rejects.toMatchObject({ code: 'EBADMSG' });
  });
});

test('many at once, of the pool and of this thread', async () => {
  const [before, none] = [openDescriptors(), children()];
  const programs = Array.from({ length: 100 }, () => {
    const program = inChild();
    return { program, step: program.add('openat', KEEP, AT_FDCWD, '/proc', O_PATH, 0) };
  });
  const running = programs.slice(0, 50).map(({ program }) => runAsync(program.run()));
  for (const { program } of programs.slice(50)) runSync(program.run());
  await Promise.all(running);
  const fds = programs.map(({ program, step }) => program.value(step));
  expect(new Set(fds).size).toBe(100);
  for (const fd of fds) expect(close(fd)).toBe(true);
  expect(openDescriptors()).toEqual(before);
  expect(children()).toEqual(none);
});

describe('in a process of its own', () => {
  test('a signal during it reaches this process once, and its handler runs here', () => {
    const script = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      import { createRequire } from 'node:module';
      const addon = createRequire(process.argv[1])(process.argv[1]);
      const pids = [];
      process.on('SIGUSR2', () => pids.push(process.pid));
      const sender = spawn('/bin/sh', ['-c', "trap '' USR2; for i in 1 2 3 4 5 6 7 8 9 10; do kill -USR2 0; done"]);
      const ended = once(sender, 'exit');
      const room = new Uint8Array(64);
      let failed = 0;
      for (let i = 0; i < 300; i++) if (addon.runProgramInChildSync(room, 0, room, []) !== 0) failed++;
      await ended;
      while (pids.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      console.log(JSON.stringify({ failed, own: pids.length > 0 && pids.every((pid) => pid === process.pid) }));`;
    // A process group of its own, so that the signals reach nobody else.
    const outcome = runNode(script, { args: [addonPath], under: ['setsid', '--wait'] });
    expect(printedJson(outcome)).toEqual({ failed: 0, own: true });
  });

  test('where no child can be made, clone says so', () => {
    const script = `
      import { createRequire } from 'node:module';
      const addon = createRequire(process.argv[1])(process.argv[1]);
      const room = new Uint8Array(64);
      const { errno, syscall } = addon.runProgramInChildSync(room, 0, room, []);
      console.log(JSON.stringify({ errno, syscall }));`;
    // CLONE_VM | CLONE_VFORK | CLONE_FILES, and nothing else.
    const rules = ['clone@0:0x4500=EAGAIN'];
    expect(printedJson(runFaked(rules, script, { args: [addonPath] }))).toEqual({
      errno: 11,
      syscall: 'clone',
    });
  });
});

test('list_in_time: what is missing or no directory answers too; how far it came, in bytes', async () => {
  const scratch = scratchDirectory();
  const paths = Buffer.from(
    `${[scratch.path, scratch.file('file'), scratch.join('no'), '/proc'].join('\0')}\0`,
  );
  for (const blob of [paths, Buffer.alloc(0)]) {
    const bytes = Buffer.from(new Uint32Array([blob.length]).buffer);
    expect(callSync('list_in_time', blob, 60_000)).toEqual(bytes);
    expect(await callAsync('list_in_time', blob, 60_000)).toEqual(bytes);
  }
});
