import { expect } from 'vitest';
import { findWithoutHandles, needsHandles } from '../../lib/diagnosis/handle-facts.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

privileged('ramfs has no handles, and nobody asks without index', () => {
  const [ramfs, plain] = [tmpfsMount({ type: 'ramfs' }).path, scratchDirectory().path];
  const layers = [plain, ramfs].map((absolute, index) => ({
    option: 'lower',
    index,
    path: absolute,
    absolute,
  }));
  const index = [{ key: 'index', value: 'on' }];
  expect(index.every(needsHandles)).toBe(true);
  expect(runSync(findWithoutHandles([...layers, undefined], index))).toEqual([layers[1]]);
  expect(runSync(findWithoutHandles(layers, [{ key: 'index', value: 'off' }]))).toEqual([]);
});
