// Kills a process that uses a store, at random moments, again and again: nothing that was committed may be lost or changed.
//
//   npm run soak:store -- [--kills 1000] [--driver overlay|btrfs] [--on DIRECTORY] [--lose]
//
// Needs root; ends with 1 when something is lost, when check() finds more than rubbish, or anything after cleanup(). For the
// driver btrfs --on names a directory on btrfs. --lose removes a file of a committed snapshot, to show that it would be seen.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    driver: { type: 'string', default: 'overlay' },
    on: { type: 'string', default: tmpdir() },
    lose: { type: 'boolean', default: false },
  },
});
const { openStore } = await import(new URL('../../dist/store/index.js', import.meta.url));
const place = mkdtempSync(join(options.on, 'overlayfs-soak-store-'));
const root = join(place, 'store');

// Layers whose content is as that of the others: a directory with the name of the snapshot, which is its chain ID.
function makeLayers() {
  const layers = [];
  for (let i = 0; i < 3; i++) {
    const directory = join(place, `layer${i}`);
    mkdirSync(join(directory, `imported${i}`), { recursive: true });
    for (let file = 0; file < 40; file++)
      writeFileSync(join(directory, `imported${i}`, `${file}`), `${i} ${file} `.repeat(500));
    const file = join(place, `layer${i}.tar`);
    execFileSync('tar', ['-cf', file, '-C', directory, '.']);
    const bytes = readFileSync(file);
    layers.push({
      file,
      size: bytes.length,
      diffId: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    });
  }
  return layers;
}

const layers = makeLayers();
const words = layers.map((layer) => Buffer.from(JSON.stringify(layer)).toString('base64'));
const chain = [];
for (const { diffId } of layers) {
  const below = chain.at(-1);
  const both = `${below} ${diffId}`;
  chain.push(below === undefined ? diffId : `sha256:${createHash('sha256').update(both).digest('hex')}`);
}

/** Runs a worker for a while and kills it; gives what it said. */
async function kill(number) {
  const worker = spawn(
    process.execPath,
    [fileURLToPath(new URL('soak-worker.mjs', import.meta.url)), root, `${number}`, ...words],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  const ended = new Promise((resolve) => worker.on('exit', (code, signal) => resolve({ code, signal })));
  let armed = false;
  worker.stdout.on('data', (text) => {
    said += text;
    if (armed || !said.includes('ready\n')) return;
    armed = true;
    setTimeout(() => worker.kill('SIGKILL'), Math.random() * 120);
  });
  const { code, signal } = await ended;
  if (signal !== 'SIGKILL') throw new Error(`the worker ended by itself with ${code}`);
  return said.split('\n').slice(0, -1);
}

function contentProblems(path, names) {
  const problems = [];
  const wanted = new Map(
    names.map((name) => {
      const imported = chain.indexOf(name);
      return imported < 0
        ? [name, Array.from({ length: 5 }, (_, i) => name.repeat(i * 100))]
        : [
            `imported${imported}`,
            Array.from({ length: 40 }, (_, file) => `${imported} ${file} `.repeat(500)),
          ];
    }),
  );
  if (String(readdirSync(path).sort()) !== String([...wanted.keys()].sort()))
    problems.push(`has ${readdirSync(path)}, and should have ${[...wanted.keys()]}`);
  for (const [name, texts] of wanted)
    texts.forEach((text, i) => {
      try {
        if (readFileSync(join(path, name, `${i}`), 'utf8') !== text)
          problems.push(`${name}/${i} has other content`);
      } catch (error) {
        problems.push(error.message);
      }
    });
  return problems;
}

async function checkContent(store, snapshots) {
  const parents = new Map(snapshots.map(({ name, parent }) => [name, parent]));
  const problems = [];
  for (const { name } of snapshots) {
    const names = [];
    for (let at = name; at !== undefined; at = parents.get(at)) names.push(at);
    await store.view('looking', name);
    const mounted = await store.mount('looking');
    problems.push(...contentProblems(mounted.path, names).map((problem) => `${name}: ${problem}`));
    await mounted.unmount();
    await store.remove('looking');
  }
  return problems;
}

function lose(snapshots) {
  const own = snapshots.find(({ name }) => !name.startsWith('sha256:'));
  if (own === undefined) return;
  rmSync(execFileSync('find', [root, '-path', `*/fs/${own.name}/4`], { encoding: 'utf8' }).trim());
}

const must = new Set();
async function check(said) {
  for (const line of said) {
    const [event, name] = [line[0], line.slice(2)];
    if (event === '+') must.add(name);
    if (event === '?') must.delete(name);
  }
  const store = await openStore(root);
  const problems = (await store.check())
    .filter(({ code }) => code !== 'ERR_STORE_RUBBISH')
    .map(({ sentence }) => sentence);
  await store.cleanup();
  problems.push(...(await store.check()).map(({ sentence }) => `after cleanup: ${sentence}`));
  const snapshots = await store.list('kind==committed');
  const names = new Set(snapshots.map(({ name }) => name));
  for (const name of must) if (!names.has(name)) problems.push(`${name} was committed, and is gone`);
  if (options.lose) lose(snapshots);
  problems.push(...(await checkContent(store, snapshots)));
  await store.close();
  // What was committed and not told of before the kill counts from now on.
  for (const name of names) must.add(name);
  return problems;
}

// By the store itself: on btrfs nobody else can remove what is read-only.
async function removeAll() {
  const store = await openStore(root);
  for (let left = await store.list(), before = -1; left.length > 0 && left.length !== before; ) {
    before = left.length;
    for (const { name } of left) await store.remove(name).catch(() => {});
    left = await store.list();
  }
  await store.close();
}

let status = 0;
let events = 0;
const start = performance.now();
try {
  await (await openStore(root, { driver: options.driver })).close();
  for (let i = 0; i < Number(options.kills) && status === 0; i++) {
    const said = await kill(i);
    events += said.length;
    if ((i + 1) % 100 === 0) console.log(`${i + 1} kills`);
    for (const problem of await check(said)) {
      console.error(`FAILED after kill ${i + 1}: ${problem}`);
      status = 1;
    }
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(
    `${options.kills} kills, ${events} events in ${seconds} s: ${status === 0 ? 'nothing lost' : 'FAILED'}`,
  );
} finally {
  await removeAll().catch(() => {});
  rmSync(place, { recursive: true, force: true });
}
process.exitCode = status;
