// Many directories beside each other: each before what is in it, all of them, in a memory that does not grow with them.
import { mkdirSync } from 'node:fs';
import { expect } from 'vitest';
import { openStack } from '../../lib/layer/stack.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';

/** So many directories, each with one in it. */
function fill(root: string, count: number): void {
  for (let i = 0; i < count; i++) mkdirSync(`${root}/d${i}/in`, { recursive: true });
}

privileged(
  'more directories than may wait are read each once, and closed when the reader leaves',
  async () => {
    const place = tmpfsMount().path;
    // The deepest one is below more levels than are left open.
    const deep = Array.from({ length: 12 }, (_, i) => `level${i}`);
    for (let i = 0; i <= deep.length; i++)
      fill(`${place}/u/${deep.slice(0, i).join('/')}`, i < 9 ? 1100 : 10);
    mkdirSync(`${place}/l`);
    await using stack = await openStack({ lower: `${place}/l`, upper: `${place}/u` });
    const before = openDescriptors();
    for (const read of [() => stack.walk(), () => stack.changes()]) {
      const seen = new Set<string>(['.']);
      let early = 0;
      let twice = 0;
      for await (const entry of read()) {
        const path = String(entry.path);
        if (seen.has(path) && path !== '.') twice++;
        seen.add(path);
        const slash = path.lastIndexOf('/');
        if (!seen.has(slash < 0 ? '.' : path.slice(0, slash))) early++;
      }
      expect([seen.size, early, twice]).toEqual([1 + 2 * (9 * 1100 + 4 * 10) + deep.length, 0, 0]);
      let count = 0;
      for await (const _ of read()) if (++count === 5000) break;
      expect(openDescriptors()).toEqual(before);
    }
  },
);

privileged('60,000 directories in one are read with a heap of 14 MB', () => {
  const place = tmpfsMount().path;
  mkdirSync(`${place}/l`);
  for (let i = 0; i < 60_000; i++) mkdirSync(`${place}/u/d${i}`, { recursive: i === 0 });
  const script = `
    import { openStack } from 'overlayfs/layer';
    const [upper, lower] = process.argv.slice(1);
    const stack = await openStack({ lower, upper });
    const counts = [];
    for (const entries of [stack.walk(), stack.changes()]) {
      let n = 0;
      for await (const _ of entries) n++;
      counts.push(n);
    }
    console.log(JSON.stringify(counts));`;
  const [walked, changed] = printedJson<[number, number]>(
    runNode(script, {
      args: [`${place}/u`, `${place}/l`],
      execArgv: ['--max-old-space-size=14', '--max-semi-space-size=2'],
    }),
  );
  expect(walked).toBe(60_001);
  expect(changed).toBeGreaterThanOrEqual(60_000);
});
