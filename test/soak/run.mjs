// Thousands of mounts, looking for growth: of descriptors, of mounts, of files and of memory.
//
//   npm run soak -- [--rounds 10000] [--concurrent 1000] [--leak descriptor|mount|file|memory]
//
// Needs root; ends with 1 on growth. It runs itself again in a mount namespace of its own, where nobody else mounts and
// nothing can stay, with garbage collection on demand and one malloc arena: many arenas grow by 12 MiB by themselves.
//
// Leaked descriptors, mounts and files are seen exactly. Memory is compared after a warm-up, in which Node fills its heap
// and the thread pool its stacks. The heap may grow by 1 MiB: over 10,000 rounds 105 bytes a round, less than one leaked
// object with a finalizer. Resident memory may grow by 16 MiB, 1.6 kB a round: less than one leaked program buffer (8 kB),
// more than the pages that V8 takes and gives back as it likes (measured: -5 to 6 MiB, 10 over
// 40,000 rounds, and then none).
//
// --leak leaks on purpose, one thing a round, to show that it would be seen.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const { listSync, mount, mountSync } = await import('../../dist/index.js');
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10000' },
    concurrent: { type: 'string', default: '1000' },
    leak: { type: 'string' },
  },
});
if (![undefined, 'descriptor', 'mount', 'file', 'memory'].includes(values.leak)) {
  console.error('--leak takes descriptor, mount, file or memory');
  process.exit(2);
}
const rounds = Number(values.rounds);
const concurrent = Number(values.concurrent);
const bounds = { memory: 16 * 2 ** 20, heap: 2 ** 20 };

const root = mkdtempSync(join(tmpdir(), 'overlayfs-soak-'));
const at = (...names) => {
  const path = join(root, ...names);
  mkdirSync(path, { recursive: true });
  return path;
};
const lower = at('lower');
writeFileSync(join(lower, 'file'), 'text');

async function settled() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    mounts: readFileSync('/proc/self/mountinfo', 'latin1').split('\n').length,
    files: readdirSync(root, { recursive: true }).length,
    memory: process.memoryUsage().rss,
    heap: process.memoryUsage().heapUsed,
  };
}

// One round of each kind in turn, a quarter each of Sync and promise, attached and detached; among them writable overlays
// and views, own and given work directories, and both families of calls.
const stack = { lower, upper: at('upper'), work: at('work') };
const target = at('target');
const specs = [
  { ...stack, target },
  { ...stack },
  { lower, upper: stack.upper, target },
  { lower, target },
  { lower },
  { ...stack, target, via: 'mount' },
  { ...stack, via: 'mount' },
  { lower, upper: stack.upper },
];

let leaked = 0;
const kept = [];
const leaks = {
  descriptor: () => openSync('/dev/null'),
  mount: () => mountSync({ lower, target: at('leaked', String(leaked++)) }),
  file: () => writeFileSync(join(root, `leaked-${leaked++}`), ''),
  memory: () => kept.push(new Array(2000).fill(leaked++)),
};
const leak = values.leak === undefined ? () => {} : leaks[values.leak];

async function round(number) {
  leak();
  const spec = specs[number % specs.length];
  if (number % (2 * specs.length) < specs.length) {
    const overlay = mountSync(spec);
    overlay.unmountSync();
  } else {
    const overlay = await mount(spec);
    await overlay.unmount();
  }
}

const failures = [];
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

function report(name, seconds, count, before, after) {
  const growth = Object.fromEntries(Object.keys(before).map((key) => [key, after[key] - before[key]]));
  const memory = Object.entries({ memory: 'resident', heap: 'heap' }).map(
    ([key, word]) => `${mib(growth[key])} ${word} (${mib(before[key])} to ${mib(after[key])})`,
  );
  console.log(
    `${name}: ${count} in ${seconds.toFixed(1)} s (${((seconds / count) * 1e6).toFixed(0)} µs each)\n` +
      `  growth: ${growth.descriptors} descriptors, ${growth.mounts} mounts, ${growth.files} files, ${memory.join(', ')}`,
  );
  for (const key of ['descriptors', 'mounts', 'files']) {
    if (growth[key] !== 0) failures.push(`${name}: ${growth[key]} more ${key}`);
  }
  for (const [key, bound] of Object.entries(bounds)) {
    if (growth[key] > bound)
      failures.push(`${name}: ${key} grew by ${mib(growth[key])}, more than ${mib(bound)}`);
  }
}

async function measured(name, count, warmUp, body) {
  await warmUp();
  const before = await settled();
  const start = performance.now();
  await body();
  const seconds = (performance.now() - start) / 1000;
  report(name, seconds, count, before, await settled());
}

const many = (make) => async () => {
  leak();
  const overlays = await Promise.all(Array.from({ length: concurrent }, (_, i) => mount(make(i))));
  const shown = listSync().filter((entry) => String(entry.target).startsWith(root)).length;
  if (overlays[0].attached && shown !== concurrent)
    failures.push(`${shown} of ${concurrent} mounts are listed`);
  for (const { path } of overlays) {
    if (readFileSync(join(path, 'file'), 'utf8') !== 'text') failures.push(`${path} does not show the lower`);
  }
  await Promise.all(overlays.map((overlay) => overlay.unmount()));
};

try {
  const rows = (count) => async () => {
    for (let i = 0; i < count; i++) await round(i);
  };
  await measured('mount and unmount', rounds, rows(rounds / 10), rows(rounds));
  for (let i = 0; i < concurrent; i++) {
    at('many', String(i), 'upper');
    at('many', String(i), 'target');
  }
  const upper = (i) => join(root, 'many', String(i), 'upper');
  const kinds = {
    'at once, writable, attached': (i) => ({
      lower,
      upper: upper(i),
      target: join(root, 'many', String(i), 'target'),
    }),
    'at once, writable, detached': (i) => ({ lower, upper: upper(i) }),
    'at once, views, attached': (i) => ({ lower, target: join(root, 'many', String(i), 'target') }),
    'at once, views, detached': () => ({ lower }),
  };
  const times = (count, body) => async () => {
    for (let i = 0; i < count; i++) await body();
  };
  for (const [name, make] of Object.entries(kinds)) {
    const once = many(make);
    await measured(`3 times ${concurrent} ${name}`, 3 * concurrent, times(2, once), times(3, once));
  }
} finally {
  for (const entry of listSync().filter(({ target }) => String(target).startsWith(root))) {
    spawnSync('umount', ['--lazy', String(entry.target)]);
  }
  rmSync(root, { recursive: true, force: true });
}

for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
