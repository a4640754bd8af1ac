// Random operations on real overlays: what openStack says of the layers is what the kernel shows of them.
//
// A run is the same each time, so that it fails for a change and for nothing else; `npm run soak:oracle` looks elsewhere.
//
// Environment: OVERLAYFS_ORACLE_SEED, printed when a mode fails, plays others; OVERLAYFS_ORACLE_RUNS is how many stories of
// about 100 operations each mode plays; OVERLAYFS_ORACLE_LIMIT is the milliseconds for each mode, after which no further
// one begins, and no further step of shrinking.

import { expect, test } from 'vitest';
import fc from '../support/fast-check.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { disagreements } from './judge.ts';
import { type Mode, modes } from './modes.ts';
import { OPERATIONS, type Tally } from './perform.ts';
import { Stage } from './stage.ts';
import { actOn, build, type Story, stories } from './story.ts';

const runs = Number(process.env.OVERLAYFS_ORACLE_RUNS ?? 100);
const limit = Number(process.env.OVERLAYFS_ORACLE_LIMIT ?? 60_000);
const seed = Number(process.env.OVERLAYFS_ORACLE_SEED ?? 4);

async function judge(place: string, story: Story, mode: Mode, tally: Tally): Promise<void> {
  using stage = new Stage(place);
  const { stack, work, outer, trace } = build(stage, story, mode, tally);
  trace.push('on the stack:');
  actOn(stage, stack, work, mode, story.operations, trace, tally).unmountSync();
  const wrong = await disagreements(stage, stack, mode.options, work);
  if (outer !== undefined) {
    const { overlay, ...layers } = outer;
    wrong.push(...(await disagreements(stage, layers, mode.options, overlay)));
  }
  if (wrong.length > 0) throw new Error([...wrong, '', ...trace].join('\n').replaceAll(`${stage.path}/`, ''));
}

describePrivileged('openStack sees what the kernel shows', () => {
  test.each(modes.map((mode) => [mode.name, mode] as const))(
    '%s',
    async (_, mode) => {
      const place = scratchDirectory().directory('stage');
      const tally: Tally = new Map();
      const end = performance.now() + limit;
      let done = 0;
      await fc.assert(
        fc.asyncProperty(stories, async (story) => {
          if (performance.now() > end) return;
          await judge(place, story, mode, tally);
          done++;
        }),
        { numRuns: runs, seed },
      );
      if (done < runs) console.warn(`${mode.name}: time for ${done} of ${runs} stories only`);
      // An operation that never works would test nothing.
      if (done >= 50) expect(OPERATIONS.filter((name) => !tally.has(name))).toEqual([]);
    },
    // A story that hangs, and the time for its sweeping up.
    limit + 120_000,
  );
});
