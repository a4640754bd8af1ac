// FUSE filesystems whose server does not answer for a while.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { run } from './command.ts';
import { bindfsMount } from './filesystems.ts';
import type { Scratch } from './scratch.ts';

/** The process that serves a bindfs mount, by its command line. */
export function serverOf(point: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      // The one before it is what is shown, which may be the mount of another.
      return words[0]!.endsWith('bindfs') && words.findLast((word) => word.startsWith('/')) === point;
    } catch {
      return false;
    }
  });
  return Number(found);
}

/** Stops a server for sure: the signal is sent at once, and obeyed when each of the threads is to run again. */
export async function stop(server: number): Promise<void> {
  process.kill(server, 'SIGSTOP');
  const tasks = `/proc/${server}/task`;
  const states = () => readdirSync(tasks).map((task) => stateOf(`${tasks}/${task}`));
  while (states().some((state) => state !== 'T' && state !== undefined))
    await new Promise((resolve) => setTimeout(resolve, 1));
}

function stateOf(task: string): string | undefined {
  try {
    return /^\d+ \(.*\) (.)/s.exec(readFileSync(`${task}/stat`, 'latin1'))?.[1];
  } catch {
    return undefined; // it has ended meanwhile
  }
}

/** A bindfs mount whose server is stopped while `use` runs; `behind` another one, it has taken what it is asked for and waits itself. */
export async function whileStopped(
  scratch: Scratch,
  behind: boolean,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const inner = bindfsMount(scratch.directory('behind', 'in').replace(/\/in$/, ''), { scratch }).path;
  const path = behind ? scratch.directory('outer') : inner;
  if (behind) {
    run('bindfs', '--no-allow-other', inner, path);
  }
  const server = serverOf(inner);
  expect(server).toBeGreaterThan(1);
  await stop(server);
  try {
    await use(path);
  } finally {
    process.kill(server, 'SIGCONT');
    // Whoever waited there is let go of now.
    while (behind && spawnSync('umount', [path]).status !== 0)
      await new Promise((resolve) => setTimeout(resolve, 10));
    // It keeps the inner one busy until it has ended.
    while (behind && serverOf(path) > 1) await new Promise((resolve) => setTimeout(resolve, 10));
    // It answers again when this comes back.
    readdirSync(inner);
  }
}
