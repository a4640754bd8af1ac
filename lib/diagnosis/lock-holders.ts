// Who holds a flock(2) lock on a directory, as the table of file locks tells.
import { AT_FDCWD, STATX_INO } from '../kernel/constants.ts';
import { readIfPossible } from '../kernel/files.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat, type Stat } from '../kernel/stat.ts';

/** A process that holds a flock(2) lock, as /proc/locks names it. */
export interface LockHolder {
  readonly pid: number;
  /** The name of its program, if it can be read. */
  readonly command: string | undefined;
}

const hex = (text: string) => Number.parseInt(text, 16);

/** The lines of /proc/locks for a file. Source: proc_locks(5). */
export function holdersIn(locks: string, device: Stat['device'], inode: bigint): number[] {
  const pids: number[] = [];
  for (const line of locks.split('\n')) {
    const match = /^\d+: FLOCK +\S+ +\S+ +(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line);
    if (match === null || BigInt(match[4]!) !== inode) continue;
    if (hex(match[2]!) === device.major && hex(match[3]!) === device.minor) pids.push(Number(match[1]));
  }
  return pids;
}

/** Who holds a flock on the directory; empty when that cannot be seen from here. */
export function* lockHolders(absolute: string | Uint8Array): Routine<LockHolder[]> {
  const look = new Program();
  const statx = look.add('statx', MAY_FAIL | WANT, AT_FDCWD, absolute, 0, STATX_INO);
  yield* look.run();
  const bytes = look.bytes(statx);
  // It may be gone by now.
  if (bytes === undefined) return [];
  const stat = decodeStat(bytes);
  const locks = (yield* readIfPossible('/proc/locks'))?.toString() ?? '';
  const holders: LockHolder[] = [];
  // While others lock, the table can show a line twice.
  for (const pid of new Set(holdersIn(locks, stat.device, stat.inode))) {
    const command = (yield* readIfPossible(`/proc/${pid}/comm`))?.toString().trimEnd();
    holders.push({ pid, command });
  }
  return holders;
}
