// Compares the reading of layers with find(1) and diff(1), everything interleaved in one run.
//
//   npm run bench:layers -- [--quick] [--json] [--on DIRECTORY] [--only scans|memory|changes]
//
// Needs root for the table of changes. --on chooses the filesystem: the directory to work below. On a busy machine the waiting
// for others' turns is measured too, above all as a blocked event loop.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { change, makeDeep, makeFlat, makeLower } from './layer-trees.mjs';
import { median, printTable } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    on: { type: 'string', default: tmpdir() },
    only: { type: 'string' },
  },
});

const entryPoint = new URL('../dist/layer/index.js', import.meta.url);
const layer = await import(entryPoint);
const rounds = options.quick ? 3 : 9;
const scale = options.quick ? 0.1 : 1;
const wanted = (table) => options.only === undefined || options.only === table;

// Between two measurements the run unwinds through `finally`, which leaves neither a mount nor a directory behind.
let interrupted = false;
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.once(signal, () => {
    process.exitCode = status;
    interrupted = true;
  });
}

async function timed(action) {
  // A signal is heard when the loop turns.
  await setImmediate();
  if (interrupted) throw new Error('interrupted');
  const start = performance.now();
  await action();
  return performance.now() - start;
}

// How long the event loop was held up at most, in milliseconds, while the action went on.
async function timedWithLoop(action) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const took = await timed(action);
  delays.disable();
  return { took, blocked: delays.max / 1e6 };
}

function runProgram(program, args, good = [0]) {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'ignore'] });
  if (error) throw error;
  if (!good.includes(status)) throw new Error(`${program} ended with ${status}`);
}

const findAll = (tree) => runProgram('find', [tree, '-printf', '%m %U %G %s %T@ %p\n']);

async function countOf(iterable) {
  let count = 0;
  for await (const _ of iterable) count++;
  return count;
}

async function withStack(spec, use) {
  const stack = await layer.openStack(spec);
  try {
    return await use(stack);
  } finally {
    await stack[Symbol.asyncDispose]();
  }
}

const stackChanges = await (async () => {
  const here = { lower: fileURLToPath(new URL('.', import.meta.url)) };
  return layer.openStack !== undefined && (await withStack(here, (stack) => stack.changes !== undefined));
})();

// Each looks at every entry of `upper`, with `empty` below it.
const scanners = {
  'double walk': (upper, empty) => countOf(layer.compareTrees(empty, upper)),
  ...(layer.openStack && {
    'stack.walk': (upper, empty) => withStack({ upper, lower: empty }, (stack) => countOf(stack.walk())),
  }),
  ...(stackChanges && {
    'stack.changes': (upper, empty) =>
      withStack({ upper, lower: empty }, (stack) => countOf(stack.changes())),
  }),
};

async function scanRow(name, upper, empty) {
  const samples = Object.fromEntries(Object.keys(scanners).map((scanner) => [scanner, []]));
  const ratios = structuredClone(samples);
  const blocked = structuredClone(samples);
  const found = [];
  findAll(upper);
  for (const scan of Object.values(scanners)) await scan(upper, empty);
  for (let round = 0; round < rounds; round++) {
    for (const [scanner, scan] of Object.entries(scanners)) {
      const beside = await timed(() => findAll(upper));
      const { took, blocked: held } = await timedWithLoop(() => scan(upper, empty));
      found.push(beside);
      samples[scanner].push(took);
      ratios[scanner].push(took / beside);
      blocked[scanner].push(held);
    }
  }
  return Object.keys(scanners).map((scanner) => ({
    name: `${name}: ${scanner}`,
    find: median(found),
    took: median(samples[scanner]),
    ratio: median(ratios[scanner]),
    blocked: Math.max(...blocked[scanner]),
  }));
}

async function scanRows(root, empty) {
  const entries = 100_000 * scale;
  return [
    ...(await scanRow(`${entries} in one directory`, makeFlat(join(root, 'flat'), entries), empty)),
    ...(await scanRow(`${entries} in directories of 9`, makeDeep(join(root, 'deep'), entries), empty)),
  ];
}

// What a process of its own does with an upper, and with `empty` below it.
const MEASURED = {
  'double walk': (layer, upper, empty) => layer.compareTrees(empty, upper),
  'stack.walk': async (layer, upper, empty) => (await layer.openStack({ upper, lower: empty })).walk(),
  'stack.changes': async (layer, upper, empty) => (await layer.openStack({ upper, lower: empty })).changes(),
};

// Peak memory in megabytes of a process of its own that scans the tree, and of one that does nothing.
function peakMemory(scan, upper, empty) {
  const script = `
    const layer = await import(${JSON.stringify(entryPoint.href)});
    const [upper, empty] = process.argv.slice(1);
    if (upper) for await (const _ of await (${scan})(layer, upper, empty));
    console.log(process.resourceUsage().maxRSS / 1024);`;
  const args = ['--input-type=module', '-e', script, '--', ...(upper ? [upper, empty] : [])];
  return Number(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
}

function memoryRows(root, empty) {
  const nothing = peakMemory();
  const rows = [10_000, 100_000, 1_000_000].map((count) => {
    const entries = count * scale;
    const tree = makeFlat(join(root, `flat-${count}`), entries);
    const megabytes = Object.values(MEASURED).map((scan) => peakMemory(scan, tree, empty));
    rmSync(tree, { recursive: true });
    return { name: `${entries} entries`, megabytes };
  });
  return [{ name: 'nothing', megabytes: Object.keys(MEASURED).map(() => nothing) }, ...rows];
}

async function changesRows(root, files) {
  const [upper, work, mount] = ['upper', 'work', 'mount'].map((name) => {
    const path = join(root, `${name}-${files}`);
    mkdirSync(path);
    return path;
  });
  const lower = makeLower(join(root, `lower-${files}`), files);
  const mounted = [
    '-t',
    'overlay',
    'bench',
    '-o',
    `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
    mount,
  ];
  runProgram('mount', mounted);
  try {
    change(mount, 100, files);
    const contenders = {
      'diff -rq': () => runProgram('diff', ['-rq', '--no-dereference', lower, mount], [1]),
      'double walk': () => countOf(layer.compareTrees(lower, mount)),
      'double walk, trustMtime': () => countOf(layer.compareTrees(lower, mount, { trustMtime: true })),
      ...(stackChanges && {
        'stack.changes': () => withStack({ lower, upper }, (stack) => countOf(stack.changes())),
      }),
    };
    const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
    for (const run of Object.values(contenders)) await run();
    for (let round = 0; round < Math.ceil(rounds / 3); round++)
      for (const [name, run] of Object.entries(contenders)) samples[name].push(await timed(run));
    const diff = samples['diff -rq'];
    return Object.entries(samples).map(([name, all]) => ({
      name: `100 of ${files} files: ${name}`,
      took: median(all),
      faster: median(all.map((one, i) => diff[i] / one)),
    }));
  } finally {
    runProgram('umount', [mount]);
  }
}

const root = mkdtempSync(join(options.on, 'ovb-layers-'));
try {
  const empty = join(root, 'empty');
  mkdirSync(empty);
  const scans = wanted('scans') ? await scanRows(root, empty) : [];
  const memory = wanted('memory') ? memoryRows(root, empty) : [];
  const changes = [];
  // The lower's size makes no difference to the changes of the same upper.
  if (process.geteuid() === 0 && wanted('changes'))
    for (const files of [20_000, 200_000]) changes.push(...(await changesRows(root, files * scale)));
  if (options.json) console.log(JSON.stringify({ node: process.version, scans, memory, changes }, null, 2));
  else {
    const tables = [
      [
        'scanning an upper, beside find -printf of the same (medians; the loop: at most)',
        ['', 'find ms', 'ms', 'ratio', 'loop blocked ms'],
        scans.map(({ name, find, took, ratio, blocked }) => [name, find, took, ratio, blocked]),
        [0, 0, 2, 1],
      ],
      [
        'peak memory in MB of a process that scans one directory',
        ['', ...Object.keys(MEASURED)],
        memory.map(({ name, megabytes }) => [name, ...megabytes]),
        [0, 0, 0],
      ],
      [
        'what has changed in an overlay, medians',
        ['', 'ms', 'times as fast as diff'],
        changes.map(({ name, took, faster }) => [name, took, faster]),
        [1, 1],
      ],
    ];
    for (const table of tables) if (table[2].length > 0) printTable(...table);
  }
} catch (error) {
  console.error(interrupted ? error.message : error);
  process.exitCode ??= 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
