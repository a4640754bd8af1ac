// Large directories: read as they come, in the same memory whatever their size, and what the merged view shows is the same.
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { expect } from 'vitest';
import { openStack } from '../../lib/layer/stack.ts';
import { mount } from '../../lib/mount/mount.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { setXattr } from '../support/xattr.ts';
import { whiteoutAt } from './merged-view.ts';

/** More than what is kept of a layer's directory. */
const MANY = 4500;

function fill(directory: string, from: number, to: number): void {
  mkdirSync(directory, { recursive: true });
  for (let i = from; i < to; i++) closeSync(openSync(`${directory}/file${i}`, 'wx'));
}

/** `420 0 1700000000000000000`: mode, size unless it is a directory, mtime; of all below a directory, by path. */
type Lines = Record<string, string>;

function mountedLines(root: string, below: string, lines: Lines = {}): Lines {
  for (const name of readdirSync(`${root}/${below}`)) {
    const path = `${below}/${name}`;
    const stat = lstatSync(`${root}/${path}`, { bigint: true });
    lines[path] = `${stat.mode & 0o7777n} ${stat.isDirectory() ? 'directory' : stat.size} ${stat.mtimeNs}`;
    if (stat.isDirectory()) mountedLines(root, path, lines);
  }
  return lines;
}

privileged('several large layers, one over the other, show what the mount shows', async () => {
  const place = tmpfsMount().path;
  const at = (name: string) => `${place}/${name}`;
  mkdirSync(at('work'));
  fill(at('u/d'), 0, MANY);
  fill(at('l0/d'), 2000, 2000 + MANY);
  fill(at('l1/d'), 0, 20);
  fill(at('l2/d'), 5000, 5000 + MANY);
  // Each kind of entry whose meaning depends on the other layers.
  for (const i of [3000, 6000, 9000]) {
    rmSync(at(`u/d/file${i}`), { force: true });
    whiteoutAt(at(`u/d/file${i}`));
  }
  whiteoutAt(at('l0/d/file1'));
  whiteoutAt(at('l0/d/file9100'));
  for (const layer of ['u', 'l0', 'l2']) {
    mkdirSync(at(`${layer}/d/merged`));
    writeFileSync(at(`${layer}/d/merged/of-${layer}`), layer);
    mkdirSync(at(`${layer}/d/hides`));
  }
  setXattr(at('u/d/hides'), 'trusted.overlay.opaque', 'y');
  mkdirSync(at('u/d/new'));
  setXattr(at('u/d/new'), 'trusted.overlay.redirect', 'old');
  mkdirSync(at('l0/d/old'));
  writeFileSync(at('l2/d/old'), 'covered');
  whiteoutAt(at('u/d/old'));
  for (const layer of ['l0', 'l2']) writeFileSync(at(`${layer}/d/content`), `content of ${layer}`);
  writeFileSync(at('u/d/content'), '');
  setXattr(at('u/d/content'), 'trusted.overlay.metacopy', '');
  chmodSync(at('u/d/content'), 0o600);
  const spec = {
    lower: [at('l0'), at('l1'), at('l2')],
    upper: at('u'),
    work: at('work'),
    options: { redirectDir: 'on', metacopy: true },
  } as const;
  await using overlay = await mount(spec);
  const mounted = mountedLines(overlay.path, 'd');
  await using stack = await openStack(spec);
  const stacked: Lines = {};
  for await (const { path, type, mode, size, mtime } of stack.walk('d')) {
    expect(stacked[String(path)]).toBeUndefined();
    stacked[String(path)] = `${mode} ${type === 'directory' ? type : size} ${mtime}`;
  }
  const { d, ...rest } = stacked;
  expect(rest).toEqual(mounted);
  expect(Object.keys(mounted).length).toBeGreaterThan(9000);
});

privileged('what a large opaque directory hides is deleted, and nothing else', async () => {
  const place = tmpfsMount().path;
  fill(`${place}/l/d`, 0, MANY + 10);
  fill(`${place}/u/d`, 10, MANY);
  setXattr(`${place}/u/d`, 'trusted.overlay.opaque', 'y');
  await using stack = await openStack({ lower: `${place}/l`, upper: `${place}/u` });
  const gone: string[] = [];
  for await (const { kind, path } of stack.changes()) if (kind === 'deleted') gone.push(String(path));
  const wanted = [...Array(10).keys(), ...Array.from({ length: 10 }, (_, i) => MANY + i)];
  expect(gone.sort()).toEqual(wanted.map((i) => `d/file${i}`).sort());
});

privileged('45,000 entries over others are read with a heap of 10 MB', () => {
  const place = tmpfsMount().path;
  fill(`${place}/u`, 0, 45_000);
  fill(`${place}/l`, 40_000, 55_000);
  const script = `
    import { compareTrees, openStack } from 'overlayfs/layer';
    const [upper, lower] = process.argv.slice(1);
    const count = async (entries) => {
      let n = 0;
      for await (const _ of entries) n++;
      return n;
    };
    const stack = await openStack({ lower, upper });
    const counts = [];
    for (const read of [() => stack.walk(), () => stack.readdir('.'), () => stack.changes(), () => compareTrees(lower, upper)])
      counts.push(await count(read()));
    console.log(JSON.stringify(counts));`;
  const [walked, listed, ...changed] = printedJson<number[]>(
    runNode(script, {
      args: [`${place}/u`, `${place}/l`],
      execArgv: ['--max-old-space-size=10', '--max-semi-space-size=2'],
    }),
  );
  expect([walked, listed]).toEqual([55_001, 55_000]);
  for (const count of changed) expect(count).toBeGreaterThanOrEqual(40_000);
});
