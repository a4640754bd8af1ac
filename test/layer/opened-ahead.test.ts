// Directories are opened some at a time: all are read, each before what is in it, and all are closed in the end.
import { mkdirSync, rmSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openStack, type Stack } from '../../lib/layer/stack.ts';
import { openDescriptors } from '../support/leaks.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';

/** 20 directories of 20 in each of two layers, with a file in each; some only in one, some deeper than the others. */
function trees(): { scratch: Scratch; spec: { lower: string; upper: string }; paths: string[] } {
  const scratch = scratchDirectory();
  const paths = ['.'];
  for (let i = 0; i < 20; i++) {
    paths.push(`d${i}`);
    for (let j = 0; j < 20; j++) {
      const deep = j === 7 ? `${'n'.repeat(200)}/`.repeat(12) : '';
      const dir = `d${i}/e${j}/${deep}`;
      if (j % 3 !== 1) scratch.file(`u/${dir}of-u`);
      if (j % 3 !== 2) scratch.file(`l/${dir}of-l`);
      paths.push(`d${i}/e${j}`);
      for (let at = dir.indexOf('/', `d${i}/e${j}/`.length); at > 0; at = dir.indexOf('/', at + 1))
        paths.push(dir.slice(0, at));
      if (j % 3 !== 1) paths.push(`${dir}of-u`);
      if (j % 3 !== 2) paths.push(`${dir}of-l`);
    }
  }
  return { scratch, spec: { lower: scratch.join('l'), upper: scratch.join('u') }, paths };
}

async function walked(stack: Stack): Promise<string[]> {
  const seen: string[] = [];
  for await (const { path } of stack.walk()) seen.push(String(path));
  return seen;
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, slash);
}

test('everything is walked once, each directory before what is in it', async () => {
  const { spec, paths } = trees();
  await using stack = await openStack(spec);
  const seen = await walked(stack);
  expect([...seen].sort()).toEqual(paths.sort());
  const places = new Map(seen.map((path, i) => [path, i]));
  const early = seen.filter((path, i) => path !== '.' && places.get(parentOf(path))! > i);
  expect(early).toEqual([]);
  const changed: string[] = [];
  for await (const { path, kind } of stack.changes()) if (kind === 'added') changed.push(String(path));
  const isOfUpper = (path: string) => path.endsWith('of-u') || /e(?:2|5|8|11|14|17)$/.test(path);
  expect(changed.sort()).toEqual(paths.filter(isOfUpper).sort());
});

test('who leaves early leaves nothing open, and who closes the stack ends the walk', async () => {
  const { spec } = trees();
  const before = openDescriptors();
  const stack = await openStack(spec);
  for (const stop of [1, 2, 30, 200]) {
    let count = 0;
    for await (const _ of stack.walk()) if (++count === stop) break;
    count = 0;
    for await (const _ of stack.changes()) if (++count === stop) break;
  }
  const walk = stack.walk()[Symbol.asyncIterator]();
  await walk.next();
  await stack.close();
  const rest = (async () => {
    while ((await walk.next()).done !== true);
  })();
  await expect(rest).rejects.toMatchObject({ code: 'ERR_OVERLAY_STACK_CLOSED' });
  expect(openDescriptors()).toEqual(before);
});

test('directories that vanish while others are read are told of, each once', async () => {
  const { scratch, spec } = trees();
  await using stack = await openStack(spec);
  const walk = stack.walk();
  let isFirst = true;
  for await (const _ of walk) {
    if (isFirst)
      for (const layer of ['u', 'l'])
        for (const i of [3, 4, 5]) rmSync(scratch.join(layer, `d${i}`), { recursive: true });
    isFirst = false;
  }
  const gone = walk.findings.filter(({ code }) => code === 'ERR_OVERLAY_VANISHED').map(({ path }) => path);
  expect(new Set(gone)).toEqual(new Set(['d3', 'd4', 'd5']));
  expect(walk.complete).toBe(false);
});

test('an empty upper over a lower of many directories has no changes', async () => {
  const { scratch, spec } = trees();
  mkdirSync(scratch.join('empty'));
  await using stack = await openStack({ lower: [spec.upper, spec.lower], upper: scratch.join('empty') });
  const changed: string[] = [];
  for await (const { path } of stack.changes()) if (path !== '.') changed.push(String(path));
  expect(changed).toEqual([]);
});
