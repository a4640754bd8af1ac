// Whenever an apply is cut off, what was there before is still there, or finishing it gives what it was to give.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { apply, resumeApply } from '../../lib/change/apply.ts';
import { BothViews } from '../../lib/change/both-views.ts';
import { Journal } from '../../lib/change/journal.ts';
import { perform } from '../../lib/change/perform.ts';
import { ApplyPlan, planApply } from '../../lib/change/plan-apply.ts';
import { Staging } from '../../lib/change/stage.ts';
import { Target } from '../../lib/change/target.ts';
import type { StackSpec } from '../../lib/layer/stack-spec.ts';
import { mount } from '../../lib/mount/mount.ts';
import { mountedView, type View } from '../layer/merged-view.ts';
import { operate, randomFrom } from '../layer/random-operations.ts';
import { packageRoot } from '../support/built-package.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { comparable } from './comparable.ts';
import { plant } from './plant.ts';

const options = { redirectDir: 'on', metacopy: true } as const;
const plan = { onEntry: () => {}, onBytes: () => {} };

async function changed(seed: number, count: number) {
  const scratch = scratchDirectory();
  const random = randomFrom(seed);
  const lower = scratch.directory('lower');
  plant(lower);
  operate(lower, random, 20);
  const spec = { lower, upper: scratch.directory('upper'), work: scratch.directory('work'), options };
  {
    await using overlay = await mount(spec);
    operate(overlay.path, random, count);
  }
  await using overlay = await mount(spec);
  const copy = (name: string): string => {
    run('cp', '-a', lower, scratch.join(name));
    return scratch.join(name);
  };
  return { scratch, spec, before: viewOf(lower), after: viewOf(overlay.path), copy };
}

function viewOf(path: string): View {
  const { '.': _, ...rest } = comparable(mountedView(path));
  return rest;
}

class Crash extends Error {}

/** Applies, and is cut off after so many steps; false when it had no more. */
async function cutOff(spec: StackSpec, to: string, steps: number): Promise<boolean> {
  const parts = ApplyPlan.partsOf(await planApply(spec, { to }));
  using target = await Target.open(to);
  await using views = await BothViews.open(spec);
  using journal = await Journal.make(target);
  const operations = await new Staging(views, target, journal, plan).all(parts.steps);
  const record = { version: 1, operations, rootTime: '0' } as const;
  await journal.commit(record);
  return await endsBefore(steps, (onStep) => perform(target, journal, 'planned', record, onStep));
}

async function endsBefore(steps: number, perform: (onStep: () => void) => Promise<void>): Promise<boolean> {
  let left = steps;
  try {
    await perform(() => {
      if (left-- === 0) throw new Crash();
    });
    return false;
  } catch (error) {
    if (error instanceof Crash) return true;
    throw error;
  }
}

describe('cut off', () => {
  privileged('after each step, once and twice, it is finished', async () => {
    let total = 0;
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const { spec, after, copy } = await changed(seed, 12);
      let steps = 0;
      for (; ; steps++) {
        const to = copy(`copy-${steps}`);
        if (!(await cutOff(spec, to, steps))) break;
        await expect(apply(spec, { to, force: true })).rejects.toMatchObject({
          code: 'ERR_OVERLAY_APPLY_UNFINISHED',
        });
        {
          using target = await Target.open(to);
          const name = readdirSync(to).find((one) => one.startsWith('.overlayfs-apply-'))!;
          using journal = await Journal.open(target, name);
          const stage = (await journal.stage())!;
          const record = await journal.read(stage);
          await endsBefore(steps % 3, (onStep) => perform(target, journal, stage, record, onStep));
        }
        await resumeApply(to);
        expect(viewOf(to), `seed ${seed}, after ${steps} steps`).toEqual(after);
        expect(await resumeApply(to)).toBe(false);
        rmSync(to, { recursive: true });
      }
      total += steps;
    }
    expect(total).toBeGreaterThan(30);
  });

  privileged('before anything was decided, it is as if it had not been', async () => {
    const { spec, before, after, copy } = await changed(5, 20);
    const to = copy('copy');
    {
      using target = await Target.open(to);
      using journal = await Journal.make(target);
      writeFileSync(`${to}/${journal.name}/new/0`, 'half');
    }
    mkdirSync(`${to}/.overlayfs-apply-0123456789abcdef`, { mode: 0o700 });
    expect(await resumeApply(to)).toBe(false);
    expect(viewOf(to)).toEqual(before);
    await apply(spec, { to });
    expect(viewOf(to)).toEqual(after);
  });
});

const CHILD = `
  import { apply } from 'overlayfs';
  await apply(JSON.parse(process.argv[1]), { onProgress: ({ done, total }) => process.send(done / total) });
  process.disconnect();
`;

privileged('killed at any moment, all is old, or all is new once it is finished', async () => {
  const seen = new Set<string>();
  for (let round = 0; round <= 12; round++) {
    using scratch = scratchDirectory();
    const lower = scratch.directory('lower');
    for (let i = 0; i < 60; i++) scratch.file(`lower/d${i % 6}/f${i}`, `old ${i}`);
    const spec = { lower, upper: scratch.directory('upper'), work: scratch.directory('work'), options };
    {
      await using overlay = await mount(spec);
      for (let i = 0; i < 60; i += 2) writeFileSync(`${overlay.path}/d${i % 6}/f${i}`, `newer ${i}`);
      rmSync(`${overlay.path}/d1`, { recursive: true });
      renameSync(`${overlay.path}/d3`, `${overlay.path}/moved`);
    }
    await using overlay = await mount(spec);
    const [before, after] = [viewOf(lower), viewOf(overlay.path)];
    const words = ['--input-type=module', '-e', CHILD, '--', JSON.stringify({ ...spec, work: undefined })];
    const child = spawn(process.execPath, words, {
      cwd: packageRoot,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit');
    child.on('message', (part: number) => {
      if (part >= round / 12) child.kill('SIGKILL');
    });
    await ended;
    const finished = await resumeApply(lower);
    const now = viewOf(lower);
    const isNew = now.d1 === undefined;
    expect(now, `round ${round}`).toEqual(isNew ? after : before);
    seen.add(finished ? 'finished' : isNew ? 'new' : 'old');
  }
  process.stderr.write(`killed: ${[...seen].sort().join(', ')}\n`);
});
