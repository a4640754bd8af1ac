// Compares `overlayfs run true` with `unshare -Urm true` and an empty Node; and run() with spawn() of child_process, as
// root and without, from a small process and from one with a heap of 1 GiB. Everything takes turns in one run.
//
//   npm run bench:run -- [--heap MIB] [--rounds N] [--lower DIRECTORY]
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median, printTable } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    heap: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '60' },
    lower: { type: 'string', default: '/usr' },
  },
});
const rounds = Number(options.rounds);
const cwd = options.lower;
const { run } = await import(new URL('../dist/index.js', import.meta.url));
const program = fileURLToPath(new URL('../dist/cli/main.cjs', import.meta.url));

async function inTurns(contenders) {
  const took = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let i = -3; i < rounds; i++) {
    for (const [name, contender] of Object.entries(contenders)) {
      const start = performance.now();
      await contender();
      if (i >= 0) took[name].push(performance.now() - start);
    }
  }
  return took;
}

const medians = (took) =>
  Object.fromEntries(Object.entries(took).map(([name, all]) => [name, median([...all])]));

const place = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));
try {
  const empty = join(place, 'empty.mjs');
  writeFileSync(empty, '');
  // What Node reads at its start for TLS is told of in the environment here and there, and varies by more than is measured.
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...env } = process.env;
  const spawned =
    (command, ...args) =>
    () =>
      spawnSync(command, args, { cwd, env, stdio: 'ignore' });
  const took = await inTurns({
    node: spawned(process.execPath, empty),
    unshare: spawned('unshare', '-Urm', 'true'),
    run: spawned(process.execPath, program, 'run', '--discard', 'true'),
  });
  const whole = medians(took);
  // Of each round by itself, since the machine is quicker in some than in others.
  const over = median(took.run.map((ms, i) => ms - took.node[i] - took.unshare[i]));
  printTable(
    'Whole programs, medians',
    ['', 'ms'],
    [
      ['node with an empty module', whole.node],
      ['unshare -Urm true', whole.unshare],
      ['overlayfs run --discard true', whole.run],
      ['over the sum of the two', over],
    ],
    [2],
  );

  const start = (rootless) => async () => {
    const command = await run('true', [], { cwd, stdio: 'ignore', rootless });
    await command.finished;
    await command.discard();
  };
  const contenders = {
    'child_process.spawn': async () => void (await once(spawn('true', { cwd, stdio: 'ignore' }), 'close')),
    ...(process.geteuid() === 0 && { 'run, as root': start(false) }),
    'run, without root': start(true),
  };
  const small = medians(await inTurns(contenders));
  // Objects and no Buffers: memory that the collector has to know and fork(2) would have to copy the tables of.
  const ballast = Array.from({ length: Number(options.heap) }, () => new Array(131_072).fill(1.5));
  const large = medians(await inTurns(contenders));
  printTable(
    `true, started and awaited, medians; with a heap of ${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MiB`,
    ['', 'small, ms', 'large, ms'],
    Object.keys(contenders).map((name) => [name, small[name], large[name]]),
    [2, 2],
  );
  if (ballast.length === 0) console.log('(without ballast)');
} finally {
  rmSync(place, { recursive: true, force: true });
}
