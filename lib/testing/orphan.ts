// Ends a worker of a test runner whose runner was killed: nobody waits for its tests, and its forks would stay with it.
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

let watching = false;

/** From the first fork on. A runner that ends in order ends its workers itself, and this never has anything to do. */
export function endWithRunner(): void {
  if (watching || !isWorker()) return;
  watching = true;
  const runner = process.ppid;
  setInterval(() => {
    if (process.ppid !== runner) process.exit(1);
  }, LOOK_MS).unref();
}
