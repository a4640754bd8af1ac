import { expect, test } from 'vitest';
import { type LiveOverlay, lookAtFailure } from '../../lib/diagnosis/run-time.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { scratchDirectory } from '../support/scratch.ts';

test('looks at each layer, without any overlay being mounted', async () => {
  const scratch = scratchDirectory();
  const { lower, upper, work } = scratch.layers({ lower: 2 });
  const target = scratch.directory('target/dir');
  const at = (option: string, path: string, index?: number) => ({
    option,
    path,
    absolute: path,
    ...(index !== undefined && { index }),
  });
  const overlay: LiveOverlay = {
    root: at('target', scratch.join('target')),
    lower: lower.map((path, index) => at('lower', path, index)),
    data: [],
    upper: at('upper', upper),
    work: at('work', work),
    options: {},
    attributes: {},
    readOnly: false,
  };
  const failure = { errno: 5, syscall: 'open', path: Buffer.from(`${target}/lower1`), dest: undefined };
  const facts = await runAsync(lookAtFailure(failure, overlay));
  expect(facts).toMatchObject({
    place: Buffer.from('dir/lower1'),
    itself: undefined,
    inUpper: undefined,
    trap: undefined,
  });
  expect(facts.inLowers.map(({ layer }) => layer.index)).toEqual([1]);
  expect(facts.parents.map(({ layer }) => layer.index)).toEqual([0, 1]);
  expect(facts.upper).toMatchObject({ subject: { option: 'upper' } });
  expect(facts.overflow).toEqual({ uid: expect.any(Number), gid: expect.any(Number) });
  const same = { ...overlay, upper: at('upper', `${lower[1]}/dir`) };
  expect(runSync(lookAtFailure(failure, same)).trap).toMatchObject({
    layer: { index: 1 },
    inside: { option: 'upper' },
  });
  const nothing = runSync(lookAtFailure({ ...failure, path: undefined }, undefined));
  expect(nothing).toMatchObject({ place: undefined, inLowers: [], lowers: [] });
});
