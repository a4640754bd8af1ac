// Who holds a lock: the lines of /proc/locks.
import { closeSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { holdersIn, lockHolders } from '../../lib/diagnosis/lock-holders.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { LOCK_EX, LOCK_UN } from '../../lib/kernel/constants.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { scratchDirectory } from '../support/scratch.ts';

describe('/proc/locks', () => {
  const text = `1: FLOCK  ADVISORY  WRITE 12 08:02:100 0 EOF
2: POSIX  ADVISORY  WRITE 13 08:02:100 0 EOF
3: FLOCK  ADVISORY  READ  14 08:02:100 0 EOF
3: -> FLOCK  ADVISORY  WRITE 15 08:02:100 0 EOF
4: FLOCK  ADVISORY  WRITE 16 08:1a:100 0 EOF
5: FLOCK  ADVISORY  WRITE 17 08:02:1000 0 EOF
6: FLOCK  ADVISORY  WRITE -1 08:02:100 0 EOF
`;

  test('names who holds a flock on the file, not who waits, and not other locks', () => {
    expect(holdersIn(text, { major: 8, minor: 2 }, 100n)).toEqual([12, 14, -1]);
    expect(holdersIn(text, { major: 8, minor: 26 }, 100n)).toEqual([16]);
    expect(holdersIn(text, { major: 8, minor: 2 }, 10n)).toEqual([]);
    expect(holdersIn('', { major: 8, minor: 2 }, 100n)).toEqual([]);
  });

  test('names this process for its own lock, until it is given back', async () => {
    const scratch = scratchDirectory();
    const fd = openSync(scratch.path, 'r');
    callSync('flock', fd, LOCK_EX);
    const command = expect.any(String);
    expect(runSync(lockHolders(scratch.path))).toEqual([{ pid: process.pid, command }]);
    callSync('flock', fd, LOCK_UN);
    expect(await runAsync(lockHolders(scratch.path))).toEqual([]);
    closeSync(fd);
  });
});
