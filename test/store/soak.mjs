// Kills processes that use one store together, at random moments, again and again: nothing that was committed may be lost or
// changed, and nothing may be left that cleanup() does not know.
//
//   npm run soak:store -- [--kills 1000] [--driver overlay|btrfs] [--on DIRECTORY] [--lose]
//
// Needs root; ends with 1 when something is lost, when check() finds more than rubbish, or anything is left after cleanup().
// With the driver btrfs and no --on it makes itself a filesystem in a file. --lose kills until there is a committed snapshot,
// and removes a file of it, to show that it would be seen.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    driver: { type: 'string', default: 'overlay' },
    on: { type: 'string' },
    lose: { type: 'boolean', default: false },
  },
});
const { openStore } = await import(new URL('../../dist/store/index.js', import.meta.url));
/** So many processes have the store open at once; each is killed at a moment of its own. */
const TOGETHER = 4;
const FOCUSES = ['import', 'commit', 'remove', 'prepare'];
const LONGEST_LIFE_MS = 150;
const IMPORTED_FILES = 12;

const scratch = mkdtempSync(join(options.on ?? tmpdir(), 'overlayfs-soak-store-'));
const ownFilesystem = options.driver === 'btrfs' && options.on === undefined;

function makeFilesystem() {
  writeFileSync(join(scratch, 'image'), '');
  truncateSync(join(scratch, 'image'), 1 << 30);
  execFileSync('mkfs.btrfs', ['-q', join(scratch, 'image')]);
  mkdirSync(join(scratch, 'mounted'));
  execFileSync('mount', ['-o', 'loop', join(scratch, 'image'), join(scratch, 'mounted')]);
  return join(scratch, 'mounted');
}

// Layers whose content is as that of the others: a directory with the name of the snapshot, which is its chain ID.
function makeLayer(name) {
  const directory = join(scratch, name);
  mkdirSync(join(directory, name), { recursive: true });
  for (let file = 0; file < IMPORTED_FILES; file++)
    writeFileSync(join(directory, name, `${file}`), `${name} ${file} `.repeat(200));
  const file = join(scratch, `${name}.tar`);
  execFileSync('tar', ['-cf', file, '-C', directory, '.']);
  rmSync(directory, { recursive: true });
  const bytes = readFileSync(file);
  const diffId = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { name, file, size: bytes.length, diffId };
}

/** The names that the layers' snapshots get, with the directory that each adds. */
function chainOf(layers, directories) {
  let below;
  for (const { diffId, name } of layers) {
    const both = `${below} ${diffId}`;
    below = below === undefined ? diffId : `sha256:${createHash('sha256').update(both).digest('hex')}`;
    directories.set(below, name);
  }
}

/** Runs a worker for a while and kills it; gives what it said. */
async function kill(number, root, imageFile) {
  const focus = FOCUSES[number % FOCUSES.length];
  const worker = spawn(
    process.execPath,
    [fileURLToPath(new URL('soak-worker.mjs', import.meta.url)), root, `${number}`, focus, imageFile],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  let armed = false;
  worker.stdout.on('data', (text) => {
    said += text;
    if (armed || !said.includes('ready\n')) return;
    armed = true;
    setTimeout(() => worker.kill('SIGKILL'), Math.random() * LONGEST_LIFE_MS);
  });
  // When all has been read that it said, too.
  const { code, signal } = await new Promise((resolve) =>
    worker.on('close', (code, signal) => resolve({ code, signal })),
  );
  if (signal !== 'SIGKILL') throw new Error(`worker ${number} (${focus}) ended by itself with ${code}`);
  return said.split('\n').slice(0, -1);
}

function contentProblems(path, names, directories) {
  const problems = [];
  const wanted = new Map(
    names.map((name) => {
      const imported = directories.get(name);
      return imported === undefined
        ? [name, Array.from({ length: 5 }, (_, i) => name.repeat(i * 100))]
        : [imported, Array.from({ length: IMPORTED_FILES }, (_, i) => `${imported} ${i} `.repeat(200))];
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

async function checkContent(store, snapshots, directories) {
  const parents = new Map(snapshots.map(({ name, parent }) => [name, parent]));
  const problems = [];
  for (const { name } of snapshots) {
    const names = [];
    for (let at = name; at !== undefined; at = parents.get(at)) names.push(at);
    await store.view('looking', name);
    const mounted = await store.mount('looking');
    problems.push(
      ...contentProblems(mounted.path, names, directories).map((problem) => `${name}: ${problem}`),
    );
    await mounted.unmount();
    await store.remove('looking');
  }
  return problems;
}

/** What was being prepared and written to when its process was killed works, and goes. */
async function removeActive(store) {
  for (const { name } of await store.list('kind==active')) {
    const mounted = await store.mount(name);
    writeFileSync(join(mounted.path, 'probe'), name);
    await mounted.unmount();
    await store.remove(name);
  }
}

/** Whether there was something that could be lost. */
function lose(snapshots, root) {
  const own = snapshots.find(({ name }) => name.startsWith('committed'));
  if (own === undefined) return false;
  rmSync(execFileSync('find', [root, '-path', `*/fs/${own.name}/4`], { encoding: 'utf8' }).trim());
  return true;
}

/** What lies on the disk and is no snapshot, no process being alive. */
function leftOver(root, snapshots) {
  const left = ['sessions', 'claims'].flatMap((part) =>
    readdirSync(join(root, part)).map((name) => `${part}/${name} is there after cleanup() and close()`),
  );
  const directories = readdirSync(join(root, 'snapshots'));
  if (directories.length !== snapshots.length)
    left.push(`${directories.length} directories for ${snapshots.length} snapshots`);
  for (const directory of directories) {
    const parts = readdirSync(join(root, 'snapshots', directory)).sort();
    if (String(parts) !== 'committed,fs') left.push(`snapshots/${directory} has ${parts}`);
  }
  if (options.driver !== 'btrfs') return left;
  const listed = execFileSync('btrfs', ['subvolume', 'list', '-o', root], { encoding: 'utf8' });
  const subvolumes = listed.split('\n').filter(Boolean).length;
  if (subvolumes !== snapshots.length)
    left.push(`${subvolumes} subvolumes for ${snapshots.length} snapshots`);
  return left;
}

class Ledger {
  /** What is committed for certain. */
  must = new Set();
  /** In the midst of what the kills came. */
  struck = new Map();
  events = 0;

  take(all) {
    for (const said of all) {
      this.events += said.length;
      const begun = said.findLast((line) => line[0] === '>' || line[0] === '<' || line === 'ready');
      const what = begun?.[0] === '>' ? begun.slice(2) : 'between';
      this.struck.set(what, (this.struck.get(what) ?? 0) + 1);
      for (const line of said) if (line[0] === '+') this.must.add(line.slice(2));
    }
    // They were at work side by side: what one committed another may have removed, or the other way round.
    for (const line of all.flat()) if (line[0] === '?') this.must.delete(line.slice(2));
  }
}

async function check(root, directories, ledger) {
  const store = await openStore(root);
  const problems = (await store.check())
    .filter(({ code }) => code !== 'ERR_STORE_RUBBISH')
    .map(({ sentence }) => sentence);
  problems.push(...(await store.cleanup()).findings.map(({ sentence }) => `cleanup: ${sentence}`));
  problems.push(...(await store.check()).map(({ sentence }) => `after cleanup: ${sentence}`));
  await removeActive(store);
  const snapshots = await store.list();
  const names = new Set(snapshots.map(({ name }) => name));
  for (const name of ledger.must) if (!names.has(name)) problems.push(`${name} was committed, and is gone`);
  const lost = options.lose && lose(snapshots, root);
  problems.push(...(await checkContent(store, snapshots, directories)));
  await store.close();
  problems.push(...leftOver(root, snapshots));
  // What was committed and not told of before the kill counts from now on.
  for (const name of names) ledger.must.add(name);
  return { problems, lost };
}

// By the store itself: on btrfs nobody else can remove what is read-only.
async function removeAll(root) {
  const store = await openStore(root);
  for (let left = await store.list(), before = -1; left.length > 0 && left.length !== before; ) {
    before = left.length;
    for (const { name } of left) await store.remove(name).catch(() => {});
    left = await store.list();
  }
  await store.cleanup();
  await store.close();
}

async function soak(root) {
  const layers = Array.from({ length: 8 }, (_, i) => makeLayer(`imported${i}`));
  // Two lowest that all share, and images that part there.
  const images = [2, 3, 4, 5, 6].map((i) => [layers[0], layers[1], layers[i], layers[7]]);
  const directories = new Map();
  for (const image of images) chainOf(image, directories);
  const imageFile = join(scratch, 'images.json');
  writeFileSync(imageFile, JSON.stringify(images));
  await (await openStore(root, { driver: options.driver })).close();
  const ledger = new Ledger();
  const kills = options.lose ? Number.POSITIVE_INFINITY : Number(options.kills);
  const start = performance.now();
  for (let done = 0; done < kills; ) {
    const numbers = Array.from({ length: Math.min(TOGETHER, kills - done) }, (_, i) => done + i);
    const all = await Promise.all(numbers.map((number) => kill(number, root, imageFile)));
    done += numbers.length;
    ledger.take(all);
    if (done % 100 === 0) console.log(`${done} kills`);
    const { problems, lost } = await check(root, directories, ledger);
    for (const problem of problems) console.error(`FAILED after kill ${done}: ${problem}`);
    if (problems.length > 0) return 1;
    if (lost) break;
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const struck = [...ledger.struck].sort(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`);
  console.log(`${kills} kills, ${ledger.events} events in ${seconds} s: nothing lost`);
  console.log(`killed in the midst of: ${struck.join(', ')}`);
  return 0;
}

let root;
try {
  root = join(ownFilesystem ? makeFilesystem() : scratch, 'store');
  process.exitCode = await soak(root);
} finally {
  if (root !== undefined) await removeAll(root).catch(() => {});
  if (ownFilesystem) execFileSync('umount', [join(scratch, 'mounted')]);
  rmSync(scratch, { recursive: true, force: true });
}
