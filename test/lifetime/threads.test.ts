// Many mounts at once, from one thread and from several: each is its own, and nothing is left of any.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mount } from '../../lib/mount/mount.ts';
import type { Overlay } from '../../lib/mount/overlay.ts';
import { openDescriptors } from '../support/leaks.ts';
import { mountsBelow } from '../support/mounts.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

/** Runs in each worker: 25 rounds of each kind on its own upper and target, over a lower that all share. */
const worker = `
  import { readFileSync, writeFileSync } from 'node:fs';
  import { parentPort, workerData } from 'node:worker_threads';
  const { url, lower, upper, target, name } = workerData;
  const { mount, mountSync } = await import(url);
  const seen = new Set();
  const use = ({ path }) => {
    writeFileSync(path + '/mine', name);
    seen.add(readFileSync(path + '/mine', 'utf8') + readFileSync(path + '/shared', 'utf8'));
  };
  for (let i = 0; i < 25; i++) {
    for (const spec of [{ lower, upper }, { lower, upper, target }]) {
      const now = mountSync(spec); use(now); now.unmountSync();
      const later = await mount(spec); use(later); await later.unmount();
    }
  }
  parentPort.postMessage([...seen]);`;

const threads = `
  import { once } from 'node:events';
  import { readdirSync } from 'node:fs';
  import { Worker } from 'node:worker_threads';
  const { source, lower, stacks } = JSON.parse(process.argv[1]);
  const url = import.meta.resolve('overlayfs');
  const round = () => Promise.all(stacks.map(async (stack) => {
    const one = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)), { workerData: { ...stack, lower, url } });
    const [[said], code] = await Promise.all([once(one, 'message'), once(one, 'exit')]);
    return [...said, ...code];
  }));
  await round();
  const before = readdirSync('/proc/self/fd').length;
  const said = await round();
  console.log(JSON.stringify({ said, grown: readdirSync('/proc/self/fd').length - before }));`;

describePrivileged('at once', () => {
  test('four workers mount over one lower, each on its own upper', () => {
    const scratch = scratchDirectory();
    scratch.file('lower/shared', '!');
    const stacks = Array.from({ length: 4 }, (_, i) => ({
      name: `worker ${i}`,
      upper: scratch.directory(String(i), 'upper'),
      target: scratch.directory(String(i), 'target'),
    }));
    const args = [JSON.stringify({ source: worker, lower: scratch.join('lower'), stacks })];
    expect(printedJson(runNode(threads, { args }))).toEqual({
      said: stacks.map(({ name }) => [`${name}!`, 0]),
      grown: 0,
    });
    expect(mountsBelow(scratch.path)).toEqual([]);
    for (const { name, upper } of stacks) expect(readFileSync(`${upper}/mine`, 'utf8')).toBe(name);
  });

  describe('a hundred promise mounts of one thread', () => {
    test.each([true, false])('attached: %s', async (attached) => {
      const scratch = scratchDirectory();
      scratch.file('lower/shared', 'text');
      const specs = Array.from({ length: 100 }, (_, i) => ({
        lower: scratch.join('lower'),
        upper: scratch.directory(String(i), 'upper'),
        ...(attached && { target: scratch.directory(String(i), 'target') }),
      }));
      // What the thread keeps for good, it has by then.
      await (await mount(specs[0]!)).unmount();
      const before = openDescriptors();
      const overlays: Overlay[] = await Promise.all(specs.map((spec) => mount(spec)));
      try {
        for (const { path } of overlays) expect(readFileSync(`${path}/shared`, 'utf8')).toBe('text');
        expect(new Set(overlays.map(({ path }) => path)).size).toBe(100);
        expect(mountsBelow(scratch.path)).toHaveLength(attached ? 100 : 0);
      } finally {
        await Promise.all(overlays.map((overlay) => overlay.unmount()));
      }
      expect(openDescriptors()).toEqual(before);
      expect(mountsBelow(scratch.path)).toEqual([]);
    });
  });

  test('of many that want the same upper one gets it, and the others hear who has it', async () => {
    const scratch = scratchDirectory();
    const { lower, upper } = scratch.layers();
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => mount({ lower, upper })));
    const made = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    await Promise.all(made.map((overlay) => overlay.unmount()));
    expect(made).toHaveLength(1);
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') expect(attempt.reason.code).toBe('ERR_OVERLAY_IN_USE');
    }
  });
});
