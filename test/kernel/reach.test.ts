// Paths of any length, confined: taken in steps that the kernel takes.
import { mkdirSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { call, callSync, close } from '../../lib/kernel/call.ts';
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../../lib/kernel/constants.ts';
import { reach, stepsOf } from '../../lib/kernel/reach.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { openDescriptors } from '../support/leaks.ts';
import { scratchDirectory } from '../support/scratch.ts';

test('a path that fits is one step, a longer one is cut at slashes', () => {
  expect(stepsOf(Buffer.from('a/b'))).toEqual([Buffer.from('a/b')]);
  const long = Buffer.from(Array.from({ length: 90 }, () => 'n'.repeat(200)).join('/'));
  const steps = stepsOf(long);
  expect(steps.length).toBeGreaterThan(4);
  expect(Math.max(...steps.map((step) => step.length))).toBeLessThan(4096);
  expect(Buffer.from(steps.map(String).join('/'))).toEqual(long);
  const absolute = Buffer.concat([Buffer.from('/'), long]);
  expect(stepsOf(absolute)[0]![0]).toBe(0x2f);
  // Slashes at a cut do not make an absolute step.
  const doubled = Buffer.from(String(long).replaceAll('/', '///'));
  expect(stepsOf(doubled).every((step) => step[0] !== 0x2f)).toBe(true);
  // What no filesystem can have goes to the kernel as it is.
  expect(stepsOf(Buffer.alloc(5000, 'x'))).toHaveLength(1);
});

test('leads to the end, leaves no descriptor, and is confined at each step', () => {
  const scratch = scratchDirectory();
  const root = callSync('openat', AT_FDCWD, scratch.path, O_PATH | O_DIRECTORY, 0);
  const names: string[] = [];
  let at = root;
  for (let i = 0; i < 40; i++) {
    const name = `${i}-${'n'.repeat(200)}`;
    callSync('mkdirat', at, name, 0o755);
    const next = callSync('openat', at, name, O_PATH | O_DIRECTORY, 0);
    if (at !== root) close(at);
    at = next;
    names.push(name);
  }
  callSync('mkdirat', at, 'last', 0o700);
  close(at);
  const before = openDescriptors();
  const inside = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const ask = (path: string) =>
    runSync(
      reach(root, Buffer.from(path), inside, (dir, rest) => call('openat2', dir, rest, O_PATH, 0, inside)),
    );
  close(ask(`${names.join('/')}/last`));
  expect(() => ask(`${names.join('/')}/none`)).toThrow('ENOENT');
  expect(() => ask(`${names.join('/')}/../`.repeat(2))).toThrow(/EXDEV|ENOENT/);
  mkdirSync(scratch.join('other'));
  symlinkSync('/', scratch.join('other/link'));
  expect(() => ask('other/link/etc')).toThrow('ELOOP');
  expect(() => ask('../x')).toThrow('EXDEV');
  expect(openDescriptors()).toEqual(before);
  close(root);
});
