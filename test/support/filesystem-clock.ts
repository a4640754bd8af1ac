// Waits by the clock of the filesystems, which may be as coarse as the kernel's tick, however late that is on a busy machine.
import { statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { scratchDirectory } from './scratch.ts';

/** Until what is changed from now on has a later time than all that has been changed. */
export async function clockGoesOn(): Promise<void> {
  const probe = scratchDirectory().join('probe');
  const time = () => {
    writeFileSync(probe, '.');
    return statSync(probe, { bigint: true }).ctimeNs;
  };
  const before = time();
  while (time() <= before) await sleep(1);
}
