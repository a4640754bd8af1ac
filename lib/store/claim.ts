// A claim on a name: while one process unpacks a layer, another that wants the same one waits, and finds it done.
import { callAsync, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  LOCK_EX,
  O_CREAT,
  O_NOFOLLOW,
  O_RDWR,
  STATX_INO,
} from '../kernel/constants.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { identityOf } from '../kernel/stat.ts';
import type { Place } from './place.ts';
import { pause, tryLock } from './store-lock.ts';

const PAUSE_MS = 20;

async function isStillThere(place: Place, path: string, fd: number): Promise<boolean> {
  const program = new Program();
  const mine = program.add('statx', WANT, fd, '', AT_EMPTY_PATH, STATX_INO);
  const named = program.add('statx', MAY_FAIL | WANT, place.root, path, AT_SYMLINK_NOFOLLOW, STATX_INO);
  await program.later();
  const there = program.bytes(named);
  return there !== undefined && identityOf(there).equals(identityOf(program.bytes(mine)!));
}

/**
 * Runs the body as the only one who has this name, in whatever process. Waits until who had it before is through, or has
 * died.
 *
 * @throws what the signal was aborted with
 */
export async function claiming<T>(
  place: Place,
  name: string,
  signal: AbortSignal,
  body: () => Promise<T>,
): Promise<T> {
  const path = `claims/${name}`;
  for (;;) {
    signal.throwIfAborted();
    const fd = await callAsync('openat', place.root, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      // Who had it before has removed it: then another file is the claim now.
      if (tryLock(fd, LOCK_EX) && (await isStillThere(place, path, fd))) {
        try {
          return await body();
        } finally {
          await callAsync('unlinkat', place.root, path, 0);
        }
      }
    } finally {
      close(fd);
    }
    await pause(PAUSE_MS);
  }
}
