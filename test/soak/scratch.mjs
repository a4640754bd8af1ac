// Throw-away overlays whose process is killed at a random moment, and by the thousand in one process: nothing is left.
//
//   npm run soak:scratch -- [--kills 500] [--forks 10000] [--seed N] [--leak process|file|memory|descriptor]
//
// Needs root, and ends with 1 when something is left. Kills: each victim is a Node that makes, fills, resets, keeps and
// ends overlays all the time, as root and as nobody, in memory and on disk, and gets SIGKILL up to 60 ms after it has begun.
// Then are looked for: processes that carry its mark in their environment, mounts of this namespace, files in its temporary
// directory, and, when the next scratch has swept, below upperOn; and at the end shared memory (Shmem of /proc/meminfo):
// each victim had 4 to 8 MiB of it, so that a handful that stays is more than the noise of a machine.
//
// Forks: descriptors, heap, resident and shared memory of one process are the same after thousands as after the first.
// --leak leaks on purpose, to show that it would be seen.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

if (globalThis.gc === undefined) {
  const node = [process.execPath, '--expose-gc', ...process.argv.slice(1)];
  const { error, status } = spawnSync('unshare', ['--mount', '--propagation', 'private', '--', ...node], {
    stdio: 'inherit',
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  });
  if (error) console.error(`cannot run unshare(1): ${error.message}`);
  process.exit(status ?? 1);
}

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    forks: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    leak: { type: 'string' },
  },
});
const { leak } = values;
if (![undefined, 'process', 'file', 'memory', 'descriptor'].includes(leak)) {
  console.error('--leak takes process, file, memory or descriptor');
  process.exit(2);
}
const MiB = 2 ** 20;
const NOBODY = 65534;
const LONGEST = 60;
const AT_ONCE = 2;
const bounds = { shared: 32 * MiB, resident: 16 * MiB, heap: MiB };

const root = mkdtempSync(join(tmpdir(), 'overlayfs-soak-'));
chmodSync(root, 0o755);
const mark = root.split('/').at(-1);
const directory = (name, mode = 0o755) => {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  return path;
};
const failures = [];
const fail = (sentence) => failures.push(sentence);

// The package where another user can read it.
const repository = fileURLToPath(new URL('../../', import.meta.url));
const pack = directory('package');
for (const part of ['dist', 'prebuilds', 'build/Release/overlayfs.node', 'binding.gyp', 'package.json'])
  if (existsSync(join(repository, part)))
    // What V8 compiled of the program comes and goes while others run it.
    cpSync(join(repository, part), join(pack, part), {
      recursive: true,
      filter: (path) => !/\.cjs\.v\d/.test(path),
    });
const victim = join(directory('package/soak'), 'victim.mjs');
cpSync(fileURLToPath(new URL('scratch-victim.mjs', import.meta.url)), victim);
const lower = directory('lower');
writeFileSync(join(lower, 'file'), 'text');
chmodSync(join(lower, 'file'), 0o666);

// As sure as needed and the same again for the same seed (mulberry32).
let state = Number(values.seed);
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const mounts = () => readFileSync('/proc/self/mountinfo', 'latin1').trim().split('\n');
// Mounts of others are copied when a namespace is made, and may go meanwhile.
const added = (before, after) => after.filter((one) => !before.includes(one)).length;
const sharedMemory = () =>
  Number(/^Shmem:\s*(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'latin1'))[1]) * 1024;

function marked(word) {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || name === String(process.pid)) return false;
    try {
      return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(`OVERLAYFS_SOAK=${word}`);
    } catch {
      return false; // it has ended
    }
  });
}

// What has to come true: the kernel ends mounts and frees memory in its own time, and others use shared memory for a while.
// What is leaked stays, and a leak on purpose need not be waited for as long.
const PATIENCE = leak === undefined ? 60_000 : 3_000;
async function eventually(holds) {
  for (const start = Date.now(); Date.now() - start < PATIENCE; await setTimeout(20))
    if (holds()) return true;
  return holds();
}

const ways = [false, true].flatMap((rootless) =>
  [false, true].map((disk) => ({
    rootless,
    disk,
    name: `${rootless ? 'nobody' : 'root'}-${disk ? 'disk' : 'memory'}`,
  })),
);

async function killOne(way, number) {
  const word = `${mark}-${number}`;
  const temporary = directory(`tmp-${number}`, 0o777);
  const where = way.disk ? directory(`disk-${way.name}`, 0o777) : '-';
  const child = spawn(process.execPath, [victim, lower, String(way.rootless), where, pack, leak ?? ''], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, OVERLAYFS_SOAK: word, TMPDIR: temporary },
    cwd: root,
    ...(way.rootless && { uid: NOBODY, gid: NOBODY }),
  });
  let said = '';
  child.stderr.on('data', (bytes) => {
    said += bytes;
  });
  const ended = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), ended]);
  await setTimeout(random() * LONGEST);
  child.kill('SIGKILL');
  const [, signal] = await ended;
  if (signal !== 'SIGKILL') fail(`${way.name}: the victim ended by itself: ${said}`);
  if (!(await eventually(() => marked(word).length === 0)))
    fail(`${way.name}: processes are left: ${marked(word).join(' ')}`);
  for (const pid of marked(word)) process.kill(Number(pid), 'SIGKILL');
  // What it was keeping has the name of that, and is swept by the next one there.
  const left = readdirSync(temporary).filter((name) => !/^(\.overlayfs-keep-|kept-)/.test(name));
  if (left.length > 0) fail(`${way.name}: temporary files are left: ${left.join(' ')}`);
  rmSync(temporary, { recursive: true });
}

// In a process of that user: the next scratch removes what killed ones left.
function sweep(way) {
  const where = directory(`disk-${way.name}`, 0o777);
  const script = `const { scratchSync } = await import(${JSON.stringify(`${pack}/dist/index.js`)});
    scratchSync(${JSON.stringify(lower)}, { rootless: ${way.rootless}, upperOn: ${JSON.stringify(where)} }).unmountSync();`;
  const user = way.rootless ? { uid: NOBODY, gid: NOBODY } : {};
  const before = readdirSync(where).length;
  const words = ['--input-type=module', '-e', script];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', cwd: root, ...user });
  if (status !== 0) fail(`${way.name}: the next scratch failed: ${stderr}`);
  const left = readdirSync(where);
  if (left.length > 0) fail(`${way.name}: on disk are left: ${left.join(' ')}`);
  return before;
}

async function kills(count) {
  const before = { mounts: mounts(), shared: sharedMemory() };
  const start = Date.now();
  let next = 0;
  const line = async () => {
    for (let number = next++; number < count; number = next++) await killOne(ways[number % 4], number);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, line));
  const swept = ways.filter(({ disk }) => disk).map(sweep);
  const more = added(before.mounts, mounts());
  if (more > 0) fail(`${more} more mounts`);
  const grown = () => sharedMemory() - before.shared;
  if (!(await eventually(() => grown() <= bounds.shared)))
    fail(`shared memory has grown by ${(grown() / MiB).toFixed(1)} MiB`);
  console.log(
    `kills: ${count} in ${((Date.now() - start) / 1000).toFixed(1)} s (seed ${values.seed}); left on disk and swept: ` +
      `${swept.reduce((a, b) => a + b, 0)}\n  shared memory: ${(grown() / MiB).toFixed(1)} MiB more`,
  );
}

async function settled() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await setTimeout(20);
  }
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    mounts: mounts(),
    resident: process.memoryUsage().rss,
    heap: process.memoryUsage().heapUsed,
    shared: sharedMemory(),
  };
}

async function forks(count) {
  const { scratch, scratchSync } = await import(`${pack}/dist/index.js`);
  const once = async (number) => {
    const options = { rootless: number % 2 === 1 };
    const view = number % 4 < 2 ? scratchSync(lower, options) : await scratch(lower, options);
    writeFileSync(`${view.path}/file`, 'changed');
    if (number % 5 === 0) await view.reset();
    if (number % 50 === 0) await view.changes();
    if (number % 4 < 2) view.unmountSync();
    else await view.unmount();
    if (leak === 'descriptor') openSync(lower, 'r');
  };
  for (let i = 0; i < Math.min(count, 1000); i++) await once(i);
  const before = await settled();
  const start = Date.now();
  for (let i = 0; i < count; i++) await once(i);
  const took = Date.now() - start;
  await eventually(() => sharedMemory() - before.shared <= bounds.shared);
  const after = await settled();
  const grown = { mounts: added(before.mounts, after.mounts) };
  for (const kind of ['descriptors', 'resident', 'heap', 'shared']) grown[kind] = after[kind] - before[kind];
  if (grown.descriptors > 0) fail(`${count} forks: ${grown.descriptors} more descriptors`);
  if (grown.mounts > 0) fail(`${count} forks: ${grown.mounts} more mounts`);
  for (const kind of ['resident', 'heap', 'shared'])
    if (grown[kind] > bounds[kind])
      fail(`${count} forks: ${kind} memory has grown by ${(grown[kind] / MiB).toFixed(1)} MiB`);
  const memory = ['resident', 'heap', 'shared'].map(
    (kind) => `${kind} ${(grown[kind] / MiB).toFixed(2)} MiB`,
  );
  console.log(
    `forks: ${count} in ${(took / 1000).toFixed(1)} s\n  growth: ${grown.descriptors} descriptors, ` +
      `${grown.mounts} mounts, ${memory.join(', ')}`,
  );
}

try {
  await kills(Number(values.kills));
  await forks(Number(values.forks));
} finally {
  rmSync(root, { recursive: true, force: true });
  for (const name of readdirSync('/dev/shm')) if (name.startsWith(mark)) rmSync(`/dev/shm/${name}`);
}
for (const sentence of failures) console.error(`FAILED: ${sentence}`);
process.exit(failures.length > 0 ? 1 : 0);
