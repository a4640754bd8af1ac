// Forks of one directory after the other, which share a plan, and those that must not.
import { chmodSync, readdirSync, rmdirSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ScratchOptions } from '../../lib/format/mount-spec.ts';
import type { SeenUppers } from '../../lib/mount/plan-guards.ts';
import type { ScratchPlace } from '../../lib/mount/plan-scratch.ts';
import { keepPlan, planOf } from '../../lib/mount/repeated-plan.ts';
import { scratch, scratchSync } from '../../lib/mount/scratch.ts';
import { readScratch } from '../../lib/mount/scratch-spec.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { openDescriptors } from '../support/leaks.ts';
import { isPrivileged, privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { errorOf } from './forms.ts';

const none = Buffer.alloc(0);
const seen: SeenUppers = { identities: none, partial: none, apart: none };
const place: ScratchPlace = { limits: { size: undefined, inodes: undefined }, namespace: undefined, seen };
const asked = (lower: string | readonly string[] = '/usr', options: ScratchOptions = {}) =>
  readScratch(lower, { rootless: false, ...options }).request;

test('the plan of a like overlay is given when it is kept, and to one at a time', () => {
  const first = planOf(asked(), place);
  expect(planOf(asked(), place).plan).not.toBe(first.plan);
  keepPlan(first);
  const again = planOf(asked(), place);
  expect(again.plan).toBe(first.plan);
  expect(planOf(asked(), place).plan).not.toBe(first.plan);
  keepPlan(again);
  expect(planOf(asked(['/usr']), place).plan).toBe(first.plan);
});

const others: [string, Parameters<typeof asked>, Partial<ScratchPlace>][] = [
  ['another directory', ['/etc'], {}],
  ['the same by another name', ['/usr/'], {}],
  ['several directories', [['/usr', '/etc']], {}],
  ['data layers', ['/usr', { data: ['/etc'] }], {}],
  ['options', ['/usr', { options: { metacopy: true } }], {}],
  ['attributes', ['/usr', { attributes: { noexec: true } }], {}],
  ['no guard of lowers', ['/usr', { shareLower: true }], {}],
  ['no root', ['/usr', { rootless: true }], {}],
  ['a limit', ['/usr'], { limits: { size: 8192, inodes: undefined } }],
  ['another limit', ['/usr'], { limits: { size: undefined, inodes: 99 } }],
  ['a user namespace', ['/usr'], { namespace: 77 }],
  ['another mount table', ['/usr'], { seen: { ...seen, identities: Buffer.alloc(16, 1) } }],
  ['other mounts of parts', ['/usr'], { seen: { ...seen, partial: Buffer.alloc(16, 1) } }],
  ['guards that are off', ['/usr'], { seen: { ...seen, looked: true } }],
];
test.each(others)('%s needs a plan of its own', (_, request, otherPlace) => {
  const first = planOf(asked(), place);
  keepPlan(first);
  const [lower, options] = request;
  expect(planOf(asked(lower, options), { ...place, ...otherPlace }).plan).not.toBe(first.plan);
});

test('what cannot be known again is not kept', () => {
  const first = planOf(asked(), place);
  keepPlan(first);
  const unknown = planOf(asked(), { ...place, seen: { ...seen, looked: true } });
  keepPlan(unknown);
  expect(planOf(asked(), place).plan).toBe(first.plan);
});

const ways = [true, false].filter((rootless) => rootless || isPrivileged());

test.each(ways)('forks that share a plan are overlays of their own (rootless: %s)', async (rootless) => {
  if (rootless) needUserNamespaces();
  const here = scratchDirectory();
  const lower = here.directory('lower');
  const before = openDescriptors();
  scratchSync(lower, { rootless }).unmountSync();
  const kept = openDescriptors();
  const one = scratchSync(lower, { rootless });
  writeFileSync(`${one.path}/mine`, '');
  chmodSync(lower, 0o710);
  const many = await Promise.all(Array.from({ length: 8 }, () => scratch(lower, { rootless })));
  const views = [...many, scratchSync(lower, { rootless })];
  for (const view of views) {
    expect(readdirSync(view.path)).toEqual([]);
    // What the lower is like now, and not what it was like when the plan was made.
    expect(statSync(view.path).mode & 0o777).toBe(0o710);
    writeFileSync(`${view.path}/other`, '');
  }
  expect(new Set([one, ...views].map((view) => statSync(view.path).dev)).size).toBe(10);
  expect(readdirSync(one.path)).toEqual(['mine']);
  one.resetSync();
  expect(readdirSync(one.path)).toEqual([]);
  for (const view of [one, ...views]) view.unmountSync();
  expect(openDescriptors()).toEqual(kept);
  expect(kept.length - before.length).toBeLessThanOrEqual(1);
});

privileged('a limit, and a directory that has gone, are told of each fork anew', async () => {
  const here = scratchDirectory();
  const [lower, gone] = [here.directory('lower'), here.directory('gone')];
  const blocks = (options: ScratchOptions) => {
    using view = scratchSync(lower, { rootless: false, ...options });
    const { blocks: all, bsize } = statfsSync(view.path);
    return all * bsize;
  };
  expect([blocks({ size: 1 << 20 }), blocks({ size: 2 << 20 }), blocks({ size: 1 << 20 })]).toEqual([
    1 << 20,
    2 << 20,
    1 << 20,
  ]);
  expect(blocks({})).not.toBe(1 << 20);
  scratchSync(gone, { rootless: false }).unmountSync();
  rmdirSync(gone);
  const error = await errorOf(() => scratchSync(gone, { rootless: false }));
  expect(error).toMatchObject({ code: 'ERR_OVERLAY_NOT_FOUND', option: 'lower', path: gone });
  here.directory('gone');
  scratchSync(gone, { rootless: false }).unmountSync();
});
