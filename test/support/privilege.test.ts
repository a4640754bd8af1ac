import { expect, test } from 'vitest';
import { runTestFile } from './nested-run.ts';
import { asNobody, printedJson, runNode } from './node-process.ts';
import { describePrivileged, isPrivileged, privileged, unprivileged } from './privilege.ts';
import { scratchDirectory } from './scratch.ts';

privileged('runs a privileged test only with privilege', () => {
  expect(isPrivileged()).toBe(true);
  expect(process.geteuid!()).toBe(0);
});

describePrivileged('describePrivileged', () => {
  test('runs its tests only with privilege', () => expect(isPrivileged()).toBe(true));
});

unprivileged('runs an unprivileged test only as an ordinary user', () => {
  expect(process.geteuid!()).not.toBe(0);
});

test('runs a script as an ordinary user without groups, in the package', () => {
  const script = `
    import { readFileSync } from 'node:fs';
    const { name } = JSON.parse(readFileSync('package.json', 'utf8'));
    console.log(JSON.stringify({ uid: process.getuid(), groups: process.getgroups(), name, args: process.argv.slice(1) }))`;
  const found = printedJson<Record<string, unknown>>(asNobody(script, { args: ['--flag', 'word'] }));
  expect(found).toMatchObject({ name: 'overlayfs', args: ['--flag', 'word'] });
  if (process.getuid!() === 0) expect(found).toMatchObject({ uid: 65534, groups: [65534] });
});

test('finds the built package from inline source, as its users do', () => {
  const source = "console.log(JSON.stringify(import.meta.resolve('overlayfs')))";
  expect(printedJson(asNobody(source))).toMatch(/\/dist\/index\.js$/);
});

test('stops a script that hangs', () => {
  expect(() => runNode('setInterval(() => {}, 1000)', { timeoutMs: 200 })).toThrow(
    'still running after 200 ms',
  );
});

const needs = `
  import { test } from 'vitest';
  import { missing } from 'support/requirement.ts';
  test('needs a program', () => missing('mkfs.odd is missing (install odd)'));`;

test('skips with a printed reason when something is missing', () => {
  const { status, stdout, stderr } = runTestFile(scratchDirectory(), needs);
  expect([status, stdout]).toEqual([0, expect.stringContaining('1 skipped')]);
  expect(stderr).toContain('skipped: mkfs.odd is missing (install odd)\n');
});

test('fails when everything is required', () => {
  const { status, stderr } = runTestFile(scratchDirectory(), needs, { OVERLAYFS_TEST_REQUIRE: 'all' });
  expect(status).toBe(1);
  expect(stderr).toContain('OVERLAYFS_TEST_REQUIRE=all, but mkfs.odd is missing (install odd)');
});
