// Whatever the target has become and whichever part is chosen, an apply is refused or comes to its end.
import { expect } from 'vitest';
import { apply } from '../../lib/change/apply.ts';
import { planApply } from '../../lib/change/plan-apply.ts';
import { mount } from '../../lib/mount/mount.ts';
import { mountedView, type View } from '../layer/merged-view.ts';
import { operate, randomFrom } from '../layer/random-operations.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { comparable } from './comparable.ts';
import { plant } from './plant.ts';

const options = { redirectDir: 'on', metacopy: true } as const;
const PATTERNS = ['a', 'b/**', '*/c', '**/d', '[ab]/a', 'c/?'];

privileged('forced upon a disturbed target, and in parts', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    using scratch = scratchDirectory();
    const random = randomFrom(seed);
    const lower = scratch.directory('lower');
    plant(lower);
    const spec = { lower, upper: scratch.directory('upper'), work: scratch.directory('work'), options };
    {
      await using overlay = await mount(spec);
      operate(overlay.path, random, 25);
    }
    let mounted: View;
    {
      await using overlay = await mount(spec);
      mounted = comparable(mountedView(overlay.path));
    }
    const to = scratch.join('to');
    run('cp', '-a', lower, to);
    operate(to, random, 15);
    const before = comparable(mountedView(to));
    const plan = await planApply(spec, { to });
    if (plan.conflicts.length > 0)
      await expect(apply(plan)).rejects.toMatchObject({ code: 'ERR_OVERLAY_CONFLICT' });
    expect(comparable(mountedView(to)), `seed ${seed}`).toEqual(before);
    await apply(spec, { to, force: true });
    const after = comparable(mountedView(to));
    for (const { action, path } of plan.steps)
      if (action === 'write' || action === 'link')
        expect(after[String(path)], `seed ${seed}: ${path}`).toEqual(mounted[String(path)]);

    run('cp', '-a', lower, scratch.join('parts'));
    for (const pattern of PATTERNS.filter(() => random(2) === 0))
      await apply(spec, { to: scratch.join('parts'), paths: [pattern], force: true });
  }
});
