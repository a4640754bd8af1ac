// Whole runs of vitest and node:test with forks: in parallel, failing, hanging and killed, and nothing left after any.
import { chmodSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { type HeldMemory, heldMemory } from '../support/held-memory.ts';
import { mounts } from '../support/mounts.ts';
import { isPrivileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { tree } from '../support/tree.ts';
import { eventually, makeProject, type Suite, startSuite } from './suites.ts';

const HEAD = `
  import { existsSync, readFileSync, readdirSync, writeFileSync, rmSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  const options = process.env.ROOTLESS ? { rootless: true } : {};
`;

const vitest = (body: string) => `${HEAD}
  import { describe, expect, test as base } from 'vitest';
  import { overlayFixture, overlayMatchers } from 'overlayfs/testing';
  expect.extend(overlayMatchers);
  const dir = overlayFixture(process.env.FIXTURE, options);
  const test = base.extend({ dir });
  ${body}`;

const nodeTest = (body: string) => `${HEAD}
  import assert from 'node:assert/strict';
  import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
  import { assertChanges, overlayFixture } from 'overlayfs/testing';
  const fixture = overlayFixture(process.env.FIXTURE, options);
  ${body}`;

/** Tests that see it when one of them, in this worker or another, gets what another has written. */
const VITEST_PARALLEL = vitest(`
  describe('each', { concurrent: process.env.CONCURRENT === '1' }, () => {
    for (let i = 0; i < 20; i++) test('fork ' + i, async ({ dir, expect }) => {
      expect.extend(overlayMatchers);
      expect(readdirSync(dir.path).sort()).toEqual(['config.json', 'data']);
      writeFileSync(dir + '/own-' + i, String(process.pid));
      rmSync(dir.join('data', 'one'));
      writeFileSync(dir.join('config.json'), '{"b":' + i + '}');
      await sleep(i % 3);
      expect(await dir.changes()).toEqual([
        { kind: 'modified', path: 'config.json', type: 'file', what: ['content'] },
        { kind: 'deleted', path: 'data/one', type: 'file', what: [] },
        { kind: 'added', path: 'own-' + i, type: 'file', what: [] },
      ]);
      await expect(dir).toHaveChanges(['added own-' + i, 'deleted data/one', 'modified config.json']);
      await dir.reset();
      await expect(dir).not.toHaveChanges();
      expect(typeof dir[Symbol.asyncDispose]).toBe('function');
    });
  });`);

const NODE_PARALLEL = nodeTest(`
  describe('each', { concurrency: 4 }, () => {
    for (let i = 0; i < 20; i++) test('fork ' + i, async (t) => {
      const dir = await fixture(t);
      assert.deepEqual(readdirSync(dir.path).sort(), ['config.json', 'data']);
      writeFileSync(dir.path + '/own', String(i));
      await sleep(i % 3);
      assert.deepEqual(await dir.changes(), [{ kind: 'added', path: 'own', type: 'file', what: [] }]);
      await assertChanges(dir, ['added own']);
    });
  });
  describe('one for all', () => {
    let dir;
    before(async () => { dir = await fixture.fork(); });
    beforeEach(async () => { await dir.reset(); });
    after(async () => { await dir.close(); });
    for (const name of ['a', 'b']) test(name, async () => {
      await assertChanges(dir, []);
      writeFileSync(dir.join(name), '');
      await assertChanges(dir, ['added ' + name]);
    });
  });`);

const FAILING = {
  vitest: vitest(`
    test('fails', async ({ dir }) => {
      writeFileSync(dir.join('new'), '');
      rmSync(dir.join('data/one'));
      await expect(dir).toHaveChanges(['added new', 'deleted data/two']);
    });
    test('throws', async ({ dir }) => { writeFileSync(dir.join('new'), ''); throw new Error('by itself'); });
    test('takes too long', { timeout: 300 }, async ({ dir }) => { await sleep(60_000, undefined, { ref: false }); });
    test('does not see the others', async ({ dir }) => { await expect(dir).not.toHaveChanges(); });`),
  'node:test': nodeTest(`
    test('fails', async (t) => {
      const dir = await fixture(t);
      writeFileSync(dir.join('new'), '');
      rmSync(dir.join('data/one'));
      await assertChanges(dir, ['added new', 'deleted data/two']);
    });
    test('takes too long', { timeout: 300 }, async (t) => { await fixture(t); await sleep(1_000); });
    test('does not see the others', async (t) => { await assertChanges(await fixture(t), []); });`),
} as const;

/** Holds 64 MiB in a fork, and goes on for ever. */
const HANGING = {
  vitest: vitest(`
    for (let i = 0; i < 3; i++) test('hangs', { timeout: 600_000 }, async ({ dir }) => {
      writeFileSync(dir.join('much'), Buffer.alloc(i === 2 ? 64 * 2 ** 20 : 1));
      if (i < 2) return;
      writeFileSync(process.env.TMPDIR + '/../ready-' + process.pid, '');
      await sleep(600_000);
    });`),
  'node:test': nodeTest(`
    test('hangs', async (t) => {
      const dir = await fixture(t);
      writeFileSync(dir.join('much'), Buffer.alloc(64 * 2 ** 20));
      writeFileSync(process.env.TMPDIR + '/../ready-' + process.pid, '');
      await sleep(600_000);
    });`),
} as const;

/** In the first of two files the worker is killed, when it is told to, while it holds 64 MiB; a test that is tried again has a new fork. */
const DIE = `
      writeFileSync(process.env.TMPDIR + '/../ready-' + process.pid, '');
      while (!existsSync(process.env.TMPDIR + '/../die')) await sleep(5);
      process.kill(process.pid, 'SIGKILL');
      await sleep(60_000);`;
const DYING = {
  vitest: vitest(`
    let tries = 0;
    test('is tried again', { retry: 2 }, async ({ dir }) => {
      await expect(dir).not.toHaveChanges();
      writeFileSync(dir.join('new'), '');
      tries += 1;
      expect(tries).toBe(3);
    });
    test('dies', { timeout: 600_000 }, async ({ dir }) => {
      if (!import.meta.url.includes('/0-')) return;
      writeFileSync(dir.join('much'), Buffer.alloc(64 * 2 ** 20));
      ${DIE}
    });`),
  'node:test': nodeTest(`
    test('dies', async (t) => {
      const dir = await fixture(t);
      await assertChanges(dir, []);
      if (!import.meta.url.includes('/0-')) return;
      writeFileSync(dir.join('much'), Buffer.alloc(64 * 2 ** 20));
      ${DIE}
    });`),
} as const;

const NAMES = { vitest: 'suite.test.js', 'node:test': 'suite.mjs' } as const;

/** Mounts of what forks are made of, anywhere but where other tests mount. */
const ownMounts = () => mounts().filter(({ point }) => !/\/overlayfs-(test|run)-/.test(point));

function projectOf(suite: Suite, source: string, files = 1): { place: Scratch; names: string[] } {
  if (suite.uid !== undefined || suite.env?.ROOTLESS !== undefined) needUserNamespaces();
  const place = scratchDirectory();
  const names = Array.from({ length: files }, (_, i) => `${i}-${NAMES[suite.runner]}`);
  makeProject(place, Object.fromEntries(names.map((name) => [name, source])));
  return { place, names };
}

/** What a process holds that has said in this place that it is ready. */
async function heldBy(place: Scratch): Promise<HeldMemory> {
  const ready = () => readdirSync(place.path).find((name) => name.startsWith('ready-'));
  expect(await eventually(() => ready() !== undefined)).toBe(true);
  return heldMemory(Number(ready()!.slice('ready-'.length)));
}

function nothingIsLeft(place: Scratch, fixture: unknown, table: unknown): void {
  expect(ownMounts()).toEqual(table);
  expect(tree(place.join('fixture'))).toEqual(fixture);
  // Of Node and of vitest itself, which gives a run's directory a random name of 21 letters.
  const cached = /^(node-compile-cache|[\w-]{21})$/;
  expect(readdirSync(place.join('tmp')).filter((name) => !cached.test(name))).toEqual([]);
}

const root = isPrivileged();
const withoutRoot = { env: { ROOTLESS: '1' } };
const nobody = root ? { uid: 65534 } : {};

const parallel: [string, Suite][] = [
  ['vitest, forks, concurrent', { runner: 'vitest', args: ['--pool=forks'], env: { CONCURRENT: '1' } }],
  ['vitest, threads', { runner: 'vitest', args: ['--pool=threads'] }],
  [
    'vitest, threads, not isolated, no root',
    { runner: 'vitest', args: ['--pool=threads', '--no-isolate'], ...withoutRoot },
  ],
  ['vitest, vmThreads', { runner: 'vitest', args: ['--pool=vmThreads'] }],
  ['vitest, vmForks', { runner: 'vitest', args: ['--pool=vmForks'] }],
  ['node:test', { runner: 'node:test' }],
  ['node:test, no root', { runner: 'node:test', ...nobody }],
];

test.each(parallel)('%s: tests and workers at once each have their own', async (_, suite) => {
  const source = suite.runner === 'vitest' ? VITEST_PARALLEL : NODE_PARALLEL;
  const { place, names } = projectOf(suite, source, 2);
  const before = tree(place.join('fixture'));
  const table = ownMounts();
  const args = suite.runner === 'vitest' ? (suite.args ?? []) : names;
  const { end, processes } = startSuite(place, { ...suite, args });
  const { status, output } = await end;
  expect(status, output).toBe(0);
  expect(output).toMatch(suite.runner === 'vitest' ? /Tests +40 passed/ : /# pass 44\n/);
  expect(output).not.toMatch(/Warning/);
  expect(await eventually(() => processes().length === 0)).toBe(true);
  nothingIsLeft(place, before, table);
});

test.each([
  ['vitest, forks', { runner: 'vitest', args: ['--pool=forks'] }],
  ['vitest, vmThreads', { runner: 'vitest', args: ['--pool=vmThreads'] }],
  ['node:test', { runner: 'node:test' }],
] as [string, Suite][])(
  '%s: a failing run, and one that takes too long, tells the difference, and leaves nothing',
  async (_, suite) => {
    const { runner } = suite;
    const { place, names } = projectOf(suite, FAILING[runner]);
    const before = tree(place.join('fixture'));
    const table = ownMounts();
    const { end, processes } = startSuite(place, { ...suite, args: suite.args ?? names });
    const { status, output } = await end;
    expect(status).toBe(1);
    expect(output).toMatch(
      runner === 'vitest' ? /Tests +3 failed \| 1 passed/ : /# pass 1\n# fail 1\n# cancelled 1\n/,
    );
    expect(output).toMatch(/-\s+'?"?deleted data\/two/);
    expect(output).toMatch(/\+\s+'?"?deleted data\/one/);
    expect(output).toMatch(/^\s+'?"?added new/m);
    expect(await eventually(() => processes().length === 0)).toBe(true);
    nothingIsLeft(place, before, table);
  },
);

test.each(['vitest', 'node:test'] as const)(
  '%s: a worker that is killed leaves nothing, and the others go on',
  async (runner) => {
    const { place, names } = projectOf({ runner }, DYING[runner], 2);
    const before = tree(place.join('fixture'));
    const table = ownMounts();
    const args = runner === 'vitest' ? ['--pool=forks'] : names;
    const { end, processes } = startSuite(place, { runner, args });
    const { mebibytes, gone } = await heldBy(place);
    expect(mebibytes).toBeGreaterThanOrEqual(64);
    place.file('die');
    const { status, output } = await end;
    expect(status, output).toBe(1);
    const told =
      runner === 'vitest'
        ? // What the killed one had told of its own by then, the runner may have or not.
          [/Worker exited unexpectedly/, /Test Files +1 passed/, /Tests +[23] passed/]
        : [/signal: 'SIGKILL'/, /# pass 1\n/];
    for (const line of told) expect(output).toMatch(line);
    expect(await eventually(() => processes().length === 0)).toBe(true);
    await gone;
    nothingIsLeft(place, before, table);
  },
);

describe.each([
  ['vitest, forks', { runner: 'vitest', args: ['--pool=forks'] }],
  ['vitest, threads, no root', { runner: 'vitest', args: ['--pool=threads'], ...withoutRoot }],
  ['node:test', { runner: 'node:test' }],
  ['node:test, no root', { runner: 'node:test', ...nobody }],
] as [string, Suite][])('%s', (_, suite) => {
  test('a hanging run that is killed leaves no process, mount, file or memory', async () => {
    const { place, names } = projectOf(suite, HANGING[suite.runner]);
    const before = tree(place.join('fixture'));
    const table = ownMounts();
    // Where those that run as nobody may say that they are ready.
    chmodSync(place.path, 0o777);
    const args = suite.runner === 'vitest' ? (suite.args ?? []) : names;
    const { child, end, processes } = startSuite(place, { ...suite, args });
    const { mebibytes, gone } = await heldBy(place);
    expect(mebibytes).toBeGreaterThanOrEqual(64);
    child.kill('SIGKILL');
    expect((await end).status).toBe('SIGKILL');
    expect(await eventually(() => processes().length === 0)).toBe(true);
    await gone;
    nothingIsLeft(place, before, table);
  });
});
