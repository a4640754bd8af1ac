import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from './command.ts';
import { mountsBelow, parseMounts } from './mounts.ts';
import { runTestFile } from './nested-run.ts';
import { privileged } from './privilege.ts';
import { Scratch, scratchDirectory, suiteScratchDirectory } from './scratch.ts';
import { tree } from './tree.ts';

const shared = suiteScratchDirectory();
let previous: string;

test('makes a directory that others can enter, for one test', () => {
  const scratch = scratchDirectory();
  previous = scratch.path;
  expect(run('stat', '-c', '%a', scratch.path)).toBe('755\n');
  scratch.file('a/b/c', 'text');
  shared.file('kept', 'for all tests');
});

test('has removed the directory of an earlier test, but not the one of the suite', () => {
  expect(existsSync(previous)).toBe(false);
  expect(tree(shared.path)).toEqual({ kept: 'for all tests' });
});

test('makes layers that differ, top first', () => {
  const { lower, upper, work, target } = scratchDirectory().layers({ lower: 2, target: false });
  expect(lower.map(tree)).toEqual([
    { 'dir/lower0': 'lower0', 'from-lower0': 'lower0', shared: 'lower0' },
    { 'dir/lower1': 'lower1', 'from-lower1': 'lower1', shared: 'lower1' },
  ]);
  expect([upper, work, target].map(existsSync)).toEqual([true, true, false]);
});

test('reads a tree with all kinds of entries', () => {
  const scratch = scratchDirectory();
  scratch.file('file', 'text');
  scratch.file('bytes', Uint8Array.of(0xff));
  scratch.directory('dir/empty');
  symlinkSync('/nowhere', scratch.join('link'));
  writeFileSync(Buffer.concat([Buffer.from(`${scratch.path}/`), Buffer.from([0xfe])]), '');
  expect(tree(scratch.path)).toEqual({
    bytes: 'ÿ',
    'dir/empty/': '',
    file: 'text',
    link: '-> /nowhere',
    þ: '',
  });
});

privileged('reads a whiteout', () => {
  const scratch = scratchDirectory();
  run('mknod', scratch.join('gone'), 'c', '0', '0');
  expect(tree(scratch.path)).toEqual({ gone: '<char 0:0>' });
});

test('removes what fs.rm cannot: names that are no UTF-8 and directories without permissions', () => {
  const scratch = new Scratch();
  const { path } = scratch;
  mkdirSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xfe])]));
  scratch.file('closed/inside/file');
  run('chmod', '000', scratch.join('closed'));
  scratch[Symbol.dispose]();
  expect(existsSync(path)).toBe(false);
});

test('parses mountinfo', () => {
  const line = '36 35 98:0 /root /a\\040b\\134 rw,noatime master:1 - ext3 /dev/r\\011t rw,errors=continue\n';
  expect(parseMounts(line)).toEqual([{ point: '/a b\\', type: 'ext3', source: '/dev/r\tt' }]);
});

privileged('unmounts what is below it, stacked and with odd names', () => {
  const scratch = new Scratch();
  const path = scratch.path;
  for (const name of ['a b', 'a b', 'new\nline\n', 'quote\'"$x%s\\', 'a b/deeper']) {
    run('mount', '-t', 'tmpfs', 'test', scratch.directory(name));
  }
  expect(mountsBelow(path)).toHaveLength(5);
  scratch[Symbol.dispose]();
  expect(mountsBelow(path)).toEqual([]);
  expect(existsSync(path)).toBe(false);
});

privileged('fails the test that leaves a busy mount, and still removes it', () => {
  const place = scratchDirectory();
  place.directory('made');
  const before = readdirSync(process.env.TMPDIR!);
  const { status, stdout, stderr } = runTestFile(
    place,
    `import { openSync } from 'node:fs';
     import { test } from 'vitest';
     import { tmpfsMount } from 'support/filesystems.ts';
     test('leaves a busy mount', () => { openSync(tmpfsMount().path, 'r'); });
     test('is well-behaved', () => { tmpfsMount(); });`,
  );
  expect(status).toBe(1);
  expect(stdout).toMatch('1 failed | 1 passed');
  expect(stderr).toMatch(/busy at the end of the test, so it was unmounted lazily: \S+\/tmpfs \(tmpfs\)/);
  expect(stderr).not.toMatch('left behind');
  expect(readdirSync(process.env.TMPDIR!)).toEqual(before);
});
