// Compares scratch() with C that makes the same calls, as root and without, from a small process and from one with a
// heap of 1 GiB; and reset() with making another. Everything takes turns in one run.
//
//   npm run bench:scratch -- [--heap MIB] [--blocks N] [--lower DIRECTORY]
//
// As an ordinary user only the rows without root are measured. Needs a C compiler.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadBaseline } from './baseline.mjs';
import { microseconds, printTable, ratio } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    heap: { type: 'string', default: '1024' },
    blocks: { type: 'string', default: '40' },
    lower: { type: 'string', default: '/usr' },
  },
});
const { scratch, scratchSync } = await import(new URL('../dist/index.js', import.meta.url));
const { lower } = options;
const ROUNDS = 10;
const WARM_UP = 500;

async function timed(rounds, round) {
  const took = [];
  for (let i = 0; i < rounds; i++) {
    const start = process.hrtime.bigint();
    await round();
    took.push(Number(process.hrtime.bigint() - start));
  }
  return took;
}

function timedSync(rounds, round) {
  const took = [];
  for (let i = 0; i < rounds; i++) {
    const start = process.hrtime.bigint();
    round();
    took.push(Number(process.hrtime.bigint() - start));
  }
  return took;
}

function contendersOf(baseline, rootless, view) {
  const given = { rootless };
  return {
    same: async (rounds) => {
      const took = new Float64Array(rounds);
      baseline.rounds(lower, rootless, took);
      return [...took];
    },
    sync: async (rounds) => timedSync(rounds, () => scratchSync(lower, given).unmountSync()),
    promise: (rounds) => timed(rounds, async () => (await scratch(lower, given)).unmount()),
    reset: async (rounds) => timedSync(rounds, () => view.resetSync()),
  };
}

async function measure(contenders) {
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (const run of Object.values(contenders)) await run(WARM_UP);
  const entries = Object.entries(contenders);
  for (let block = 0; block < Number(options.blocks); block++) {
    // Nobody always comes after the same one.
    for (let i = 0; i < entries.length; i++) {
      const [name, run] = entries[(block + i) % entries.length];
      samples[name].push(await run(ROUNDS));
    }
  }
  return samples;
}

// Arrays of doubles, which the engine keeps in its own heap.
function fillHeap(mebibytes) {
  return Array.from({ length: mebibytes }, (_, i) => new Array(131_072).fill(i + 0.5));
}

const directory = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
try {
  const baseline = loadBaseline(directory, 'scratch_rounds');
  const kinds = process.geteuid() === 0 ? [false, true] : [true];
  const rows = [];
  for (const heap of [0, Number(options.heap)]) {
    const filled = fillHeap(heap);
    for (const rootless of kinds) {
      const view = scratchSync(lower, { rootless });
      const samples = await measure(contendersOf(baseline, rootless, view));
      view.unmountSync();
      const name = `${rootless ? 'rootless' : 'root'}, heap ${heap} MiB`;
      const times = ['same', 'sync', 'promise', 'reset'].map((kind) => microseconds(samples[kind]));
      rows.push([name, ...times, ratio(samples.sync, samples.same), ratio(samples.promise, samples.same)]);
    }
    if (filled.length !== heap) throw new Error('the heap was not kept');
  }
  printTable(
    'A throw-away overlay made and ended, microseconds (median); reset is one of a view that lives',
    ['', 'C', 'sync', 'promise', 'reset', 'sync/C', 'promise/C'],
    rows,
    [0, 0, 0, 0, 2, 2],
  );
} finally {
  rmSync(directory, { recursive: true });
}
