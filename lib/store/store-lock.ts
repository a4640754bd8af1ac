// The lock of a whole store, for the moments in which names change: it goes with the process that holds it.

import { lockHolders } from '../diagnosis/in-use.ts';
import { callSync } from '../kernel/call.ts';
import { LOCK_EX, LOCK_NB, LOCK_UN, procPath } from '../kernel/constants.ts';
import { EAGAIN } from '../kernel/errno.ts';
import { runAsync } from '../kernel/routine.ts';
import { isErrno, quoted, refusal } from './refusal.ts';

/** Nobody holds it for longer than a scan of the records takes; who has it for so long has been stopped. */
const PATIENCE_MS = 60_000;
const LONGEST_PAUSE_MS = 16;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether flock(2) gave it. It does not wait, so that it may be asked on this thread. */
export function tryLock(fd: number, operation: number): boolean {
  try {
    callSync('flock', fd, operation | LOCK_NB);
    return true;
  } catch (error) {
    if (isErrno(error, EAGAIN)) return false;
    throw error;
  }
}

/** Who holds a lock on it, for the end of a sentence. */
export async function holderText(fd: number): Promise<string> {
  const holders = await runAsync(lockHolders(procPath(fd)));
  if (holders.length === 0) return 'somebody whom /proc/locks does not show';
  return holders
    .map(({ pid, command }) =>
      pid === process.pid ? 'this process' : `process ${pid}${command === undefined ? '' : ` (${command})`}`,
    )
    .join(', ');
}

export class StoreLock {
  readonly #fd: number;
  readonly #path: Uint8Array;
  // flock(2) does not keep those apart who share a descriptor.
  #last: Promise<void> = Promise.resolve();

  constructor(fd: number, path: Uint8Array) {
    this.#fd = fd;
    this.#path = path;
  }

  /** @throws {OverlayError} ERR_STORE_LOCKED */
  async hold<T>(body: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let leave = (): void => {};
    this.#last = new Promise((resolve) => {
      leave = resolve;
    });
    await before;
    try {
      await this.#take();
      try {
        return await body();
      } finally {
        tryLock(this.#fd, LOCK_UN);
      }
    } finally {
      leave();
    }
  }

  async #take(): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (let ms = 1; !tryLock(this.#fd, LOCK_EX); ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
      if (performance.now() > end) {
        const sentence = `the store ${quoted(this.#path)} has been locked for ${PATIENCE_MS / 1000} s by ${await holderText(this.#fd)}`;
        throw refusal('ERR_STORE_LOCKED', sentence, 'see what that process waits for, or end it');
      }
      await pause(ms);
    }
  }
}
