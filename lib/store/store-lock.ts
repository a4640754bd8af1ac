// The lock of a whole store, for the moments in which names change: it goes with the process that holds it.

import { holdersIn } from '../diagnosis/lock-holders.ts';
import { parseMountinfo } from '../format/mountinfo.ts';
import { callAsync, callSync } from '../kernel/call.ts';
import { AT_EMPTY_PATH, LOCK_EX, LOCK_NB, LOCK_UN, STATX_INO, STATX_MNT_ID } from '../kernel/constants.ts';
import { EAGAIN } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import { runAsync } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
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

// /proc/locks has the filesystem's device, which on btrfs is not that of its files: the mount table has it.
async function holdersOf(fd: number): Promise<number[]> {
  const { device, inode, mountId } = decodeStat(
    await callAsync('statx', fd, '', AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID),
  );
  const read = async (path: string) => (await runAsync(readIfPossible(path))) ?? Buffer.alloc(0);
  const mount = parseMountinfo(await read('/proc/self/mountinfo')).find(({ id }) => BigInt(id) === mountId);
  return holdersIn((await read('/proc/locks')).toString(), mount ?? device, inode);
}

async function holderName(pid: number): Promise<string> {
  if (pid === process.pid) return 'this process';
  const command = (await runAsync(readIfPossible(`/proc/${pid}/comm`)))?.toString().trimEnd();
  return `process ${pid}${command === undefined ? '' : ` (${command})`}`;
}

/** Who holds a lock on it, for the end of a sentence. */
export async function holderText(fd: number): Promise<string> {
  const holders = new Set(await holdersOf(fd));
  if (holders.size === 0) return 'somebody whom /proc/locks does not show';
  return (await Promise.all([...holders].map(holderName))).join(', ');
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
