// A thousand private copies of a node_modules tree at once: how long they take, and how much memory.
//
//   node examples/thousand-forks.mjs [--forks 1000] [--tree DIRECTORY]
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { scratch } from 'overlayfs';

const { values } = parseArgs({
  options: {
    forks: { type: 'string', default: '1000' },
    tree: { type: 'string', default: fileURLToPath(new URL('../node_modules', import.meta.url)) },
  },
});
const count = Number(values.forks);

// Of the whole machine, in kB: what the kernel holds for mounts is in no process's account.
function memory() {
  const text = readFileSync('/proc/meminfo', 'latin1');
  const kilobytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]);
  return { kernel: kilobytes('Slab') + kilobytes('Percpu'), tmpfs: kilobytes('Shmem') };
}

async function timed(action) {
  const start = process.hrtime.bigint();
  const result = await action();
  return [Number(process.hrtime.bigint() - start) / 1e6, result];
}

const place = mkdtempSync(join(tmpdir(), 'thousand-forks-'));
try {
  const entries = readdirSync(values.tree, { recursive: true }).length;
  const megabytes = execFileSync('du', ['-sm', values.tree], { encoding: 'utf8' }).split('\t')[0];
  console.log(`${values.tree}: ${entries} entries, ${megabytes} MB`);
  const [copied] = await timed(() => execFileSync('cp', ['-a', values.tree, join(place, 'copy')]));
  console.log(`one copy by cp -a: ${copied.toFixed(0)} ms`);

  const before = memory();
  const forks = [];
  const [made] = await timed(async () => {
    for (let i = 0; i < count; i++) forks.push(await scratch(values.tree));
  });
  console.log(`${count} forks: ${made.toFixed(0)} ms, ${(made / count).toFixed(3)} ms each`);

  const name = 'package.json';
  const [written] = await timed(() => {
    for (const [i, { path }] of forks.entries()) {
      writeFileSync(join(path, name), `{ "version": "0.0.${i}" }`);
      rmSync(join(path, '.package-lock.json'), { force: true });
    }
  });
  console.log(`a file written and one deleted in each: ${written.toFixed(0)} ms`);
  const after = memory();
  const each = (part) => `${((after[part] - before[part]) / count).toFixed(1)} kB`;
  console.log(`memory of each: ${each('kernel')} in the kernel, ${each('tmpfs')} for what was written`);

  const own = forks.every(({ path }, i) => readFileSync(join(path, name), 'utf8').includes(`"0.0.${i}"`));
  console.log(`each has its own: ${own}`);
  console.log(`the tree is as it was: ${!existsSync(join(values.tree, name))}`);
  const [ended] = await timed(async () => {
    for (const fork of forks) await fork.unmount();
  });
  console.log(`all ended: ${ended.toFixed(0)} ms`);
  if (!own) process.exitCode = 1;
} finally {
  rmSync(place, { recursive: true });
}
