// Kills runs of node:test and vitest that use overlayfs/testing, at random moments, and looks for what is left of them:
// processes, mounts, files, memory of tmpfs, changes of the fixture.
//
//   npm run soak:fixtures -- [--kills 500] [--vitest 0.2] [--seed N] [--leak process|file|memory]
//
// As root half of the runs of node:test are those of an ordinary user. VITEST is the part of the runs that are vitest's. A
// half of the kills meets the runner alone, whose workers have to go by themselves, a half all of the run at once. Ends
// with 1 when something is left. --leak leaves something on purpose, to show that it would be seen.
//
// Memory is that of all tmpfs of the machine (Shmem): another program may use some for a while, so 64 MiB are allowed after
// each kill, for as long as a leak of 1 MiB a kill would not show, and 16 MiB at the end, and more is waited for to go.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    vitest: { type: 'string', default: '0.2' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    leak: { type: 'string' },
    // What an ordinary user can read, where the checkout is not.
    package: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
  },
});
if (![undefined, 'process', 'file', 'memory'].includes(values.leak)) {
  console.error('--leak takes process, file or memory');
  process.exit(2);
}
const kills = Number(values.kills);
const checkout = fileURLToPath(new URL('../..', import.meta.url));
const nobody = process.geteuid() === 0 ? { uid: 65534, gid: 65534 } : {};

// mulberry32: the same seed gives the same kills, at about the same moments.
let state = Number(values.seed);
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const place = mkdtempSync(join(tmpdir(), 'overlayfs-kills-'));
chmodSync(place, 0o755);
const at = (...names) => join(place, ...names);

const BODY = `
  writeFileSync(process.env.TMPDIR + '/started-' + process.pid, '');
  writeFileSync(dir.join('much'), Buffer.alloc(2 ** 20, 'x'));
  writeFileSync(dir.join('file-1'), 'changed');
  rmSync(dir.join('file-2'));
  if ((await dir.changes()).length !== 3) throw new Error('other changes');
  if (i % 10 === 0) await dir.reset();
  if (i === 60) await new Promise((resolve) => setTimeout(resolve, 60_000));`;
const IMPORTS = `import { rmSync, writeFileSync } from 'node:fs';
  import { overlayFixture } from 'overlayfs/testing';
  const fixture = overlayFixture(process.env.FIXTURE);`;
const SUITES = {
  'node.mjs': `import { test } from 'node:test'; ${IMPORTS}
  for (let i = 0; i < 100; i++) test('test ' + i, async (t) => { const dir = await fixture(t); ${BODY} });`,
  'vitest.test.mjs': `import { test as base } from 'vitest'; ${IMPORTS}
  const test = base.extend('dir', fixture);
  for (let i = 0; i < 100; i++) test('test ' + i, { timeout: 120_000 }, async ({ dir }) => { ${BODY} });`,
};

function makeProject() {
  for (const name of ['fixture', 'tmp', 'node_modules']) mkdirSync(at(name));
  chmodSync(at('tmp'), 0o1777);
  for (let i = 0; i < 50; i++) writeFileSync(at('fixture', `file-${i}`), `text ${i}`);
  symlinkSync(values.package, at('node_modules/overlayfs'));
  for (const name of ['vitest', '@vitest', 'vite'])
    symlinkSync(join(checkout, 'node_modules', name), at('node_modules', name));
  writeFileSync(at('package.json'), '{"type":"module"}');
  for (const [name, source] of Object.entries(SUITES)) writeFileSync(at(name), source);
}

const vitest = join(checkout, 'node_modules/vitest/vitest.mjs');
const RUNS = {
  'node:test': { args: ['--test', at('node.mjs'), at('node.mjs')], most: 1_500, user: {} },
  'node:test, an ordinary user': { args: ['--test', at('node.mjs')], most: 1_500, user: nobody },
  'vitest, forks': { args: [vitest, 'run', '--pool=forks'], most: 5_000, user: {} },
  'vitest, threads': { args: [vitest, 'run', '--pool=threads'], most: 5_000, user: {} },
};

function choose() {
  const one = random() < 0.5;
  const name =
    random() < Number(values.vitest)
      ? `vitest, ${one ? 'forks' : 'threads'}`
      : one
        ? 'node:test'
        : 'node:test, an ordinary user';
  return { name, ...RUNS[name], moment: random(), alone: random() < 0.5 };
}

// Those that carry the fixture's name and are no zombies.
function processes() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        if (/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${name}/stat`, 'latin1'))) return false;
        return readFileSync(`/proc/${name}/environ`, 'latin1')
          .split('\0')
          .includes(`FIXTURE=${at('fixture')}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

const mounts = () =>
  readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .filter((line) => / - (overlay|tmpfs) /.test(line) && !/\/overlayfs-(test|run)-/.test(line));
const memory = () => Number(/^Shmem:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'latin1'))[1]) / 1024;
// Of Node and of vitest itself, which names a directory of a run by 21 random letters.
const files = () => readdirSync(at('tmp')).filter((name) => !/^(node-compile-cache|[\w-]{21})$/.test(name));
const fixture = () => readdirSync(at('fixture')).map((name) => readFileSync(at('fixture', name), 'utf8'));

// What is left stays, and everything else goes in its own time: a leak on purpose need not be waited for as long.
async function eventually(is, ms = values.leak === undefined ? 60_000 : 10_000) {
  for (const last = Date.now() + ms; Date.now() < last; await sleep(10)) if (is()) return true;
  return is();
}

async function leak() {
  if (values.leak === 'file') writeFileSync(at('tmp/left'), '');
  if (values.leak === 'process')
    spawn('sleep', ['15'], { env: { FIXTURE: at('fixture') }, stdio: 'ignore' }).unref();
  if (values.leak === 'memory') {
    const { scratch } = await import('../../dist/index.js');
    const held = await scratch(at('fixture'));
    process.on('exit', () => held.unmountSync());
    writeFileSync(`${held.path}/much`, Buffer.alloc(256 * 2 ** 20, 'x'));
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

// One kill; gives whether it met tests that ran, and what is left.
async function round(before) {
  const { args, most, user, moment, alone } = choose();
  const child = spawn(process.execPath, args, {
    cwd: place,
    env: { PATH: process.env.PATH, TMPDIR: at('tmp'), HOME: at('tmp'), FIXTURE: at('fixture') },
    stdio: 'ignore',
    ...user,
  });
  const end = once(child, 'exit');
  await Promise.race([sleep(moment * most), end]);
  const inTests = readdirSync(at('tmp')).some((name) => name.startsWith('started-'));
  // All that is there at this moment; what was being started goes with its parent.
  for (const pid of alone ? [child.pid] : processes()) kill(pid);
  await end;
  await leak();
  const gone = await eventually(() => processes().length === 0);
  for (const name of readdirSync(at('tmp'))) if (name.startsWith('started-')) rmSync(at('tmp', name));
  const left = [
    ...(gone ? [] : processes().map((pid) => `process ${pid}`)),
    ...mounts().filter((line) => !before.mounts.includes(line)),
    ...files().map((name) => `file ${name}`),
    ...((await eventually(() => memory() < before.memory + 64))
      ? []
      : [`${memory() - before.memory} MiB of tmpfs`]),
    ...(fixture().join() === before.fixture ? [] : ['a changed fixture']),
  ];
  return { inTests, left };
}

try {
  makeProject();
  const before = { mounts: mounts(), memory: memory(), fixture: fixture().join() };
  const started = Date.now();
  let [inTests, left] = [0, []];
  for (let i = 0; i < kills && left.length === 0; i++) {
    const result = await round(before);
    inTests += result.inTests ? 1 : 0;
    left = result.left;
    if ((i + 1) % 50 === 0)
      console.log(
        `${i + 1} kills, ${inTests} of them in tests, ${((Date.now() - started) / 1000).toFixed(0)} s`,
      );
  }
  if (left.length === 0 && !(await eventually(() => memory() < before.memory + 16)))
    left = [`${(memory() - before.memory).toFixed(0)} MiB of tmpfs at the end`];
  const grown = (memory() - before.memory).toFixed(1);
  console.log(
    `seed ${values.seed}: ${kills} kills, ${inTests} in tests; left: ${left.join('; ') || 'nothing'} (tmpfs ${grown} MiB)`,
  );
  if (left.length > 0) process.exitCode = 1;
} finally {
  for (const pid of processes()) kill(pid);
  if (existsSync(place)) rmSync(place, { recursive: true, force: true });
}
