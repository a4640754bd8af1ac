// Ends a worker of a test runner whose runner was killed: nobody waits for its tests, and its forks would stay with it.
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const { setInterval } = globalThis;
const LOOK_MS = 500;

/** A process that a runner has made for a file of tests, and not one that somebody may leave running on purpose. */
function isWorker(): boolean {
  const { NODE_TEST_CONTEXT, VITEST } = process.env;
  const ofNode = NODE_TEST_CONTEXT?.startsWith('child') === true;
  const ofVitest = VITEST === 'true' && process.send !== undefined;
  return isMainThread && (ofNode || ofVitest);
}

function programOf(process: number | 'self'): string | undefined {
  try {
    return basename(readlinkSync(`/proc/${process}/exe`)).replace(/ \(deleted\)$/, '');
  } catch {
    return undefined; // of another user, or with capabilities that its file gives
  }
}

/** Whether the parent is no Node, and so no runner: a process whose parent has ended gets another one. */
function isOrphan(parent: number): boolean {
  const program = programOf(parent);
  if (program !== undefined) return program !== programOf('self');
  // In a container a runner may be the first process; the names are those that Node gives its main thread.
  return parent === 1 && !/node|MainThread|vitest/.test(readFileSync('/proc/1/comm', 'latin1'));
}

let watching = false;

/** From the first fork on. A runner that ends in order ends its workers itself, and this never has anything to do. */
export function endWithRunner(): void {
  if (watching || !isWorker()) return;
  watching = true;
  const runner = process.ppid;
  // It may have been killed before this worker came so far, and some other process be its parent since then.
  if (process.connected === false || isOrphan(runner)) process.exit(1);
  setInterval(() => {
    if (process.ppid !== runner) process.exit(1);
  }, LOOK_MS).unref();
}
