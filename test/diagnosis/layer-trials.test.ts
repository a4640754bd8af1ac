// The kernel is asked for a layer alone only where something may be wrong with it, and what was made for it is gone.

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { lookAtDirectories } from '../../lib/diagnosis/directory-facts.ts';
import { findRefusedLayers } from '../../lib/diagnosis/layer-trials.ts';
import { isThere } from '../../lib/diagnosis/mount-facts.ts';
import type { Directory } from '../../lib/diagnosis/subject.ts';
import { parseMountinfo } from '../../lib/format/mountinfo.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { openDescriptors } from '../support/leaks.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

async function refused(directories: readonly Directory[]): Promise<string[]> {
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo'));
  const looked = runSync(lookAtDirectories(directories, mounts)).filter(isThere);
  const before = openDescriptors().length;
  const found = runSync(findRefusedLayers(looked));
  expect(openDescriptors().length).toBe(before);
  expect(await runAsync(findRefusedLayers(looked))).toEqual(found);
  return found.map(({ as, subject }) => `${as} ${subject.index}`);
}

privileged('a detached overlay over a detached overlay is too deep, one overlay is not', async () => {
  const scratch = scratchDirectory();
  const { lower } = scratch.layers({ lower: 2 });
  const [one, more] = [mountSync({ lower }), scratch.directory('more')];
  const two = mountSync({ lower: [{ fd: one.fd }, more] });
  const layers = [one.fd, two.fd, two.fd].map((fd, index) => ({ option: 'lower', index, fd }));
  expect(await refused([{ option: 'lower', path: more, absolute: more }, ...layers])).toEqual(['depth 1']);
  two.unmountSync();
  one.unmountSync();
});
privileged('devpts is taken as a layer, though nobody expects it', async () => {
  expect(await refused([{ option: 'lower', path: '/dev/pts', absolute: '/dev/pts' }])).toEqual([]);
});
