import { closeSync, openSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { added, openDescriptors } from './leaks.ts';
import { runTestFile } from './nested-run.ts';
import { privileged } from './privilege.ts';
import { scratchDirectory } from './scratch.ts';

test('sees an open descriptor and what it is', () => {
  const before = openDescriptors();
  const fd = openSync('/dev/null', 'r');
  expect(openDescriptors()).toEqual(expect.arrayContaining([...before, { fd, target: '/dev/null' }]));
  closeSync(fd);
  expect(openDescriptors()).toEqual(before);
});

test('tells what is new, and counts equal things', () => {
  expect(added(['a', 'b'], ['b', 'c', 'a', 'a'])).toEqual(['c', 'a']);
});

test('fails a run that leaves files and processes, and removes them', () => {
  const { status, stdout, stderr } = runTestFile(
    scratchDirectory(),
    `import { spawn } from 'node:child_process';
     import { mkdirSync } from 'node:fs';
     import { tmpdir } from 'node:os';
     import { test } from 'vitest';
     test('passes', () => {
       mkdirSync(tmpdir() + '/forgotten');
       spawn('sleep', ['100'], { detached: true, stdio: 'ignore' }).unref();
     });`,
  );
  expect(stdout).toContain('1 passed');
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /the tests left behind:\n {2}temporary file \S+\/tmp-\w+\/forgotten\n {2}process \d+ \(sleep 100\)/,
  );
});

privileged('fails a file that leaves a mount, which no other process sees', () => {
  const before = readFileSync('/proc/self/mountinfo', 'latin1');
  const { status, stdout, stderr } = runTestFile(
    scratchDirectory(),
    `import { spawnSync } from 'node:child_process';
     import { mkdirSync } from 'node:fs';
     import { tmpdir } from 'node:os';
     import { test } from 'vitest';
     test('passes', () => {
       mkdirSync(tmpdir() + '/mounted');
       spawnSync('mount', ['-t', 'tmpfs', 'forgotten', tmpdir() + '/mounted']);
     });`,
  );
  expect(stdout).toContain('1 passed');
  expect(status).toBe(1);
  expect(stderr).toMatch(/mounts that this file has left/);
  expect(stderr).toMatch(/\+ +"\S+\/tmp-\w+\/mounted \(tmpfs, forgotten\)"/);
  expect(readFileSync('/proc/self/mountinfo', 'latin1')).toBe(before);
});
