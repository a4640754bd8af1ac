// What two overlays see a part of is told by explain(), and refused by nobody.
import { expect, onTestFinished } from 'vitest';
import { explainSync } from '../../lib/mount/explain.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

privileged('a lower around the upper of another, and an upper in a lower of another', () => {
  const scratch = scratchDirectory();
  const first = mountSync(scratch.layers());
  onTestFinished(() => first.unmountSync());
  const [lower, upper] = [scratch.directory('around'), scratch.directory('around/inner/upper')];
  const work = scratch.directory('around/inner/work');
  const target = scratch.directory('target2');
  const second = mountSync({ lower: scratch.join('lower0'), upper, work, target });
  onTestFinished(() => second.unmountSync());
  const told = (spec: Parameters<typeof explainSync>[0]) =>
    explainSync(spec).filter(({ code }) => code === 'ERR_OVERLAY_LAYER_MAY_CHANGE');

  const above = { lower, target: scratch.directory('target3') };
  expect(told(above)).toMatchObject([
    { option: 'lower', index: 0, path: lower, sentence: expect.stringContaining(`mounted at "${target}"`) },
  ]);
  mountSync(above).unmountSync();

  const inside = scratch.directory('lower0/new/upper');
  const below = { lower, upper: inside, work: scratch.directory('work3'), shareLower: true };
  expect(told({ ...below, lower: scratch.directory('apart') })).toMatchObject([
    { option: 'upper', path: inside, sentence: expect.stringContaining(`("${scratch.join('lower0')}")`) },
  ]);
  expect(told({ lower: scratch.directory('apart'), target: above.target })).toEqual([]);
});
