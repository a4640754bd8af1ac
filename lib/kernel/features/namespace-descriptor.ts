// A descriptor of a user namespace that maps ids, taken from a child that lives just long enough to give it.
import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../call.ts';
import { AT_FDCWD, O_RDONLY } from '../constants.ts';
import { type Routine, wait } from '../routine.ts';

const longestMs = 2_000;
const stepMs = 1;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

function* pause(): Routine<void> {
  yield* wait<unknown>({
    now: () => Atomics.wait(sleeper, 0, 0, stepMs),
    later: () => sleep(stepMs),
  });
}

/** 'waiting' until the child has left our namespace and got its maps; 'gone' when it ended. */
function stateOf(pid: number): 'waiting' | 'ready' | 'gone' {
  const proc = `/proc/${pid}`;
  try {
    if (/\) Z /.test(readFileSync(`${proc}/stat`, 'latin1'))) return 'gone';
    if (readlinkSync(`${proc}/ns/user`) === readlinkSync('/proc/self/ns/user')) return 'waiting';
    const mapped = ['uid_map', 'gid_map'].every((map) => readFileSync(`${proc}/${map}`, 'latin1') !== '');
    return mapped ? 'ready' : 'waiting';
  } catch {
    return 'gone';
  }
}

/** The descriptor, to be closed by the caller; undefined when none could be had. Throws KernelError from opening it. */
export function* openUserNamespace(): Routine<number | undefined> {
  // cat(1) ends by itself with its standard input, should this process die.
  const child = spawn('unshare', ['--user', '--map-root-user', 'cat'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.stdin.on('error', () => {});
  const { pid } = child;
  if (pid === undefined) return undefined;
  try {
    for (let waited = 0; stateOf(pid) === 'waiting'; waited += stepMs) {
      if (waited >= longestMs) return undefined;
      yield* pause();
    }
    if (stateOf(pid) !== 'ready') return undefined;
    return yield* call('openat', AT_FDCWD, `/proc/${pid}/ns/user`, O_RDONLY, 0);
  } finally {
    child.kill('SIGKILL');
    child.stdin.destroy();
    // Without a turn of the event loop nobody can reap it; it is dead then, and reaped at the next turn.
    yield* wait<void>({ now: () => {}, later: () => ended });
  }
}
