// Runs suites of vitest and node:test that use overlayfs/testing, each in a Node of its own, as a user's project would.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageForOthers, packageRoot } from '../support/built-package.ts';
import type { Scratch } from '../support/scratch.ts';

export interface Suite {
  readonly runner: 'vitest' | 'node:test';
  /** Arguments for the runner. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

export interface Run {
  readonly child: ChildProcess;
  /** Status, or the signal that ended it, and what it printed. */
  readonly end: Promise<{ status: number | NodeJS.Signals; output: string }>;
  /** Processes of the run that live, itself included. */
  processes(): number[];
}

/** Makes a project with the package, a fixture and files of tests. */
export function makeProject(place: Scratch, files: Readonly<Record<string, string>>): void {
  place.file('fixture/config.json', '{"a":1}');
  place.file('fixture/data/one', '1');
  place.file('fixture/data/two', '2');
  mkdirSync(place.join('tmp'));
  chmodSync(place.join('tmp'), 0o1777);
  mkdirSync(place.join('node_modules'));
  symlinkSync(packageForOthers(), place.join('node_modules/overlayfs'));
  for (const name of ['vitest', '@vitest', 'vite'])
    symlinkSync(join(packageRoot, 'node_modules', name), place.join('node_modules', name));
  place.file('package.json', '{"type":"module"}');
  for (const [name, source] of Object.entries(files)) place.file(name, source);
}

/** Also those of vitest's own that are left. */
function processesOf(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const running = !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${name}/stat`, 'latin1'));
        return running && readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark);
      } catch {
        return false; // it ended meanwhile, or belongs to somebody else
      }
    })
    .map(Number);
}

export function startSuite(place: Scratch, { runner, args = [], env = {}, uid }: Suite): Run {
  const program =
    runner === 'vitest' ? [join(packageRoot, 'node_modules/vitest/vitest.mjs'), 'run'] : ['--test'];
  const mark = `FIXTURE=${place.join('fixture')}`;
  const child = spawn(process.execPath, [...program, ...args], {
    cwd: place.path,
    env: {
      PATH: process.env.PATH,
      NO_COLOR: '1',
      TMPDIR: place.join('tmp'),
      HOME: place.join('tmp'),
      FIXTURE: place.join('fixture'),
      ...env,
    },
    ...(uid !== undefined && { uid, gid: uid }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outputs = Promise.all([text(child.stdout!), text(child.stderr!)]);
  const end = once(child, 'exit').then(async ([status, signal]) => ({
    status: status ?? signal,
    output: (await outputs).join(''),
  }));
  return { child, end, processes: () => processesOf(mark) };
}

/** Waits until it is so; false when it is not after a minute. */
export async function eventually(is: () => boolean, ms = 60_000): Promise<boolean> {
  for (const last = Date.now() + ms; Date.now() < last; await sleep(20)) if (is()) return true;
  return is();
}
