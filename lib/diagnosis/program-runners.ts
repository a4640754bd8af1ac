// Which processes run a file as their program, as /proc tells it.
import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { AT_FDCWD, STATX_INO } from '../kernel/constants.ts';
import { readIfPossible } from '../kernel/files.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';

export interface Runner {
  readonly pid: number;
  readonly command: string;
}

/** @param identity inode and device of the file */
export function* runnersOf(identity: Buffer): Routine<Runner[]> {
  let names: string[] = [];
  try {
    names = yield* wait({ now: () => readdirSync('/proc'), later: () => readdir('/proc') });
  } catch {
    // Without /proc nobody is seen.
  }
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const runners: Runner[] = [];
  for (let start = 0; start < pids.length; start += 400) {
    const batch = pids.slice(start, start + 400);
    const program = new Program();
    const steps = batch.map((pid) =>
      program.add('statx', WANT | MAY_FAIL, AT_FDCWD, `/proc/${pid}/exe`, 0, STATX_INO),
    );
    yield* program.run();
    for (const [i, pid] of batch.entries()) {
      const statx = program.bytes(steps[i]!);
      if (statx === undefined || !identityOf(statx).equals(identity)) continue;
      const command = (yield* readIfPossible(`/proc/${pid}/comm`))?.toString().trimEnd() ?? '?';
      runners.push({ pid, command });
    }
  }
  return runners;
}
