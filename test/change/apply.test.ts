// apply() is right when the target shows afterwards what the mount did, after whatever was done in it.
import { describe, expect } from 'vitest';
import { apply } from '../../lib/change/apply.ts';
import { planApply } from '../../lib/change/plan-apply.ts';
import type { OverlayOptions } from '../../lib/format/mount-spec.ts';
import { compareTrees } from '../../lib/layer/compare-trees.ts';
import { mount } from '../../lib/mount/mount.ts';
import { mountedView, type View } from '../layer/merged-view.ts';
import { operate, randomFrom } from '../layer/random-operations.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { comparable } from './comparable.ts';
import { plant } from './plant.ts';

const MODES: Record<string, OverlayOptions> = {
  plain: {},
  'redirect_dir=on': { redirectDir: 'on' },
  'metacopy=on': { redirectDir: 'on', metacopy: true },
  'index=on': { index: true, redirectDir: 'on', metacopy: true },
  userxattr: { userxattr: true },
};

describe.each(Object.entries(MODES))('after random operations, %s', (_, options) => {
  privileged(
    'the lower, or a copy of the lowers, shows what the mount did',
    async () => {
      for (let seed = 1; seed <= 8; seed++) {
        using scratch = scratchDirectory();
        const random = randomFrom(seed);
        const lower = scratch.directory('lower');
        plant(lower, options.index !== true);
        operate(lower, random, 20);
        const spec = { lower, upper: scratch.directory('upper'), work: scratch.directory('work'), options };
        {
          await using overlay = await mount(spec);
          operate(overlay.path, random, 30);
        }
        let mounted: View;
        {
          await using overlay = await mount(spec);
          mounted = mountedView(overlay.path);
        }
        run('cp', '-a', lower, scratch.join('copy'));
        const elsewhere = await planApply(spec, { to: scratch.join('copy') });
        expect(elsewhere.conflicts, `seed ${seed}`).toEqual([]);
        await apply(elsewhere);
        {
          await using overlay = await mount(spec);
          const differences: string[] = [];
          for await (const { kind, path, what } of compareTrees(overlay.path, scratch.join('copy')))
            differences.push(`${kind} ${path}: ${what}`);
          expect(differences, `seed ${seed}`).toEqual([]);
        }
        expect(comparable(mountedView(scratch.join('copy'))), `seed ${seed}: copy`).toEqual(
          comparable(mounted),
        );
        const plan = await apply(spec);
        expect(comparable(mountedView(lower)), `seed ${seed}\n${plan}`).toEqual(comparable(mounted));
      }
    },
    60_000,
  );
});
