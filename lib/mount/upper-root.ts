// When an upper was made, and whether anything was done to it: its root tells, since there is nothing in it at first.
import { readdirSync } from 'node:fs';
import { callSync } from '../kernel/call.ts';
import { AT_EMPTY_PATH, procPath, STATX_BASIC_STATS, STATX_BTIME } from '../kernel/constants.ts';
import { bornIn } from '../kernel/stat.ts';

// Of struct statx. Whoever reads a directory changes it.
const ACCESS_TIME = [64, 80] as const;

/** What its inode says, and the names of its attributes. @param upper open for reading */
export function rootState(upper: number): Buffer {
  const stat = callSync('statx', upper, '', AT_EMPTY_PATH, STATX_BASIC_STATS);
  return Buffer.concat([stat.fill(0, ...ACCESS_TIME), callSync('listxattr', upper)]);
}

/** True: nothing was changed since; false: something may have been. */
export function isUntouched(upper: number, since: Buffer): boolean {
  // Times alone do not tell: before Linux 6.13 they are as coarse as the clock's tick.
  return rootState(upper).equals(since) && readdirSync(procPath(upper)).length === 0;
}

/** When it was made, in nanoseconds since 1970; undefined where the filesystem does not tell. */
export function birthOfUpper(upper: number): bigint | undefined {
  return bornIn(callSync('statx', upper, '', AT_EMPTY_PATH, STATX_BTIME)) || undefined;
}
