import { expect } from 'vitest';
import { lookAtDangers } from '../../lib/diagnosis/danger-facts.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { readSpec } from '../../lib/mount/spec.ts';
import { openDescriptors } from '../support/leaks.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { NO_DANGER } from './facts.ts';

privileged('sees nothing in new directories, the same in both forms, and keeps nothing open', async () => {
  const request = readSpec(scratchDirectory().layers());
  const before = openDescriptors().length;
  expect(runSync(lookAtDangers(request))).toEqual(NO_DANGER);
  expect(openDescriptors().length).toBe(before);
  expect(await runAsync(lookAtDangers(request))).toEqual(NO_DANGER);
});
privileged('sees what is in the target and in the work directory', () => {
  const scratch = scratchDirectory();
  const layers = scratch.layers();
  mountSync(layers).unmountSync();
  scratch.file('target/x');
  const seen = runSync(lookAtDangers(readSpec(layers)));
  expect(seen).toMatchObject({ targetHasEntries: true, leftover: { mode: 0o40000 } });
});
