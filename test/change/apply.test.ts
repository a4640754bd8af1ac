// apply() is right when the target shows afterwards what the mount did, after whatever was done in it.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { apply } from '../../lib/change/apply.ts';
import { planApply } from '../../lib/change/plan-apply.ts';
import type { OverlayOptions } from '../../lib/format/mount-spec.ts';
import { compareTrees } from '../../lib/layer/compare-trees.ts';
import { openStack } from '../../lib/layer/stack.ts';
import { mount } from '../../lib/mount/mount.ts';
import { scratch as throwAway } from '../../lib/mount/scratch.ts';
import type { Scratch as Throwaway } from '../../lib/mount/scratch-overlay.ts';
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
  privileged('the lower, or a copy of the lowers, shows what the mount did', async () => {
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
  });
});

describe('what has the changes', () => {
  const changed = async () => {
    const scratch = scratchDirectory();
    const lower = scratch.directory('lower');
    writeFileSync(`${lower}/old`, 'old');
    const fork = await throwAway(lower);
    rmSync(`${fork.path}/old`);
    writeFileSync(`${fork.path}/new`, 'new');
    return { lower, fork };
  };

  privileged('a throw-away overlay, its changes, and those awaited', async () => {
    for (const applied of [
      (fork: Throwaway) => apply(fork),
      (fork: Throwaway) => apply(fork.changes()),
      async (fork: Throwaway) => apply(await fork.changes({ ignoreUnchanged: true })),
    ]) {
      const { lower, fork } = await changed();
      await using _ = fork;
      await applied(fork);
      expect(readdirSync(lower)).toEqual(['new']);
    }
  });

  privileged('an overlay, and the changes of a stack', async () => {
    const scratch = scratchDirectory();
    const spec = { lower: scratch.directory('lower'), upper: scratch.directory('upper') };
    {
      await using overlay = await mount(spec);
      writeFileSync(`${overlay.path}/a`, 'a');
      const plan = await planApply(overlay, { to: scratch.directory('to') });
      expect(String(plan)).toContain('a');
    }
    await using stack = await openStack(spec);
    const changes = stack.changes();
    await stack.close();
    await apply(changes);
    expect(readdirSync(spec.lower)).toEqual(['a']);
  });

  privileged('changes that somebody has chosen are refused, and so are those of two trees', async () => {
    const { lower, fork } = await changed();
    await using _ = fork;
    const some = (await fork.changes()).filter(({ kind }) => kind === 'added');
    for (const wrong of [some, compareTrees(lower, fork.path)])
      await expect(apply(wrong)).rejects.toMatchObject({
        code: 'ERR_OVERLAY_INVALID_TYPE',
        option: 'changes',
      });
    expect(readdirSync(lower)).toEqual(['old']);
  });
});
