// The start of the program: what V8 compiled is kept beside it, and used, and never in the way.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { isOfBuild, packageRoot } from '../support/built-package.ts';
import { asNobody, type Outcome, runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

/** A copy of the package that nobody has run yet. */
function fresh() {
  const { path } = scratchDirectory();
  for (const part of ['package.json', 'binding.gyp', 'dist', 'build/Release/overlayfs.node', 'prebuilds'])
    cpSync(join(packageRoot, part), join(path, part), {
      recursive: true,
      filter: isOfBuild,
    });
  const dir = join(path, 'dist/cli');
  const main = pathToFileURL(join(dir, 'main.cjs'));
  return {
    path,
    dir,
    main,
    run: (...args: string[]): Outcome => runNode(main, { args }),
    kept: () => readdirSync(dir).filter((name) => !name.endsWith('.cjs')),
  };
}

const work = () => scratchDirectory().path;
const words = () => ['run', '--discard', '--at', work(), 'true'];

/** Whether V8 takes what is kept. */
function isTaken(dir: string, name: string): boolean {
  const program = name.slice(0, name.indexOf('.cjs') + 4);
  const script = `const { Script } = require('node:vm'), { readFileSync } = require('node:fs');
    const [program, kept] = process.argv.slice(1);
    const made = new Script(readFileSync(program, 'latin1'), { filename: program, cachedData: readFileSync(kept) });
    process.exitCode = made.cachedDataRejected ? 1 : 0`;
  return spawnSync(process.execPath, ['-e', script, join(dir, program), join(dir, name)]).status === 0;
}

privileged('the first run keeps it, the next ones use it and leave it alone', () => {
  const { run, kept, dir } = fresh();
  expect(run(...words())).toMatchObject({ status: 0, stderr: 'overlayfs: nothing was changed\n' });
  const [name, ...others] = kept();
  expect([name, others]).toEqual([expect.stringMatching(/^program-[\w-]+\.cjs\.v[\d.]+-\w+$/), []]);
  expect(isTaken(dir, name!)).toBe(true);
  const before = statSync(join(dir, name!), { bigint: true });
  expect(run(...words())).toMatchObject({ status: 0, stderr: 'overlayfs: nothing was changed\n' });
  const after = statSync(join(dir, name!), { bigint: true });
  expect([after.ino, after.mtimeNs, kept()]).toEqual([before.ino, before.mtimeNs, [name]]);
});

privileged('what V8 does not take is made anew, and the run is as any other', () => {
  const { run, kept, dir } = fresh();
  run(...words());
  const [name] = kept();
  const file = join(dir, name!);
  const good = readFileSync(file);
  // Of another V8; cut off; of another text; nothing at all.
  const other = Buffer.from(good);
  other.writeUInt32LE(0, 4);
  for (const bad of [other, good.subarray(0, good.length / 2), Buffer.from('no code'), Buffer.alloc(0)]) {
    writeFileSync(file, bad);
    expect(run(...words())).toMatchObject({ status: 0, stderr: 'overlayfs: nothing was changed\n' });
    expect([isTaken(dir, name!), kept()]).toEqual([true, [name]]);
  }
});

privileged('what somebody who was killed has left is in the way of nobody', () => {
  const { run, kept, dir } = fresh();
  run(...words());
  const [name] = kept();
  const [file, left] = [join(dir, name!), join(dir, `${name}-new`)];
  rmSync(file);
  writeFileSync(left, 'half');
  // It may still be written.
  expect([run(...words()).status, kept()]).toEqual([0, [`${name}-new`]]);
  utimesSync(left, 0, 0);
  expect([run(...words()).status, kept(), isTaken(dir, name!)]).toEqual([0, [name], true]);
});

test('other commands keep nothing, and load their parts from a program that was started so', () => {
  const { run, kept } = fresh();
  expect(run('--version').status).toBe(0);
  expect(run('list', '--json')).toMatchObject({ status: 0, stderr: '' });
  expect(run('run', '--help').stdout).toContain('copy-on-write');
  expect(run('lst')).toMatchObject({ status: 2, stderr: expect.stringContaining('did you mean list?') });
  // A usage error of `run` keeps what there is: it is taken as far as it goes.
  expect(kept().filter((name) => !name.startsWith('program-'))).toEqual([]);
});

privileged('where nobody may write it starts all the same', () => {
  const { path, main, kept } = fresh();
  spawnSync('chmod', ['-R', 'a+rX', path]);
  const dir = work();
  chmodSync(dir, 0o777);
  const outcome = asNobody(main, { args: ['run', '--discard', '--at', dir, 'true'] });
  expect(outcome).toMatchObject({ status: 0, stderr: 'overlayfs: nothing was changed\n' });
  expect(kept()).toEqual([]);
});

test('without an addon it says so in a sentence', () => {
  const { path, run } = fresh();
  spawnSync('rm', ['-r', join(path, 'build'), join(path, 'prebuilds')]);
  const { status, stdout, stderr } = run('list');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^overlayfs: overlayfs has no addon for linux-[^\n]+\n$/);
});
