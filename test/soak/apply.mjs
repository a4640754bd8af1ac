// apply() killed at random moments: what it was to change is as before, or as it was to be once resumeApply has finished it.
//
//   npm run soak:apply -- [--kills 150] [--seed N]
//
// Needs root; ends with 1 when a target is neither, in everything that compareTrees() looks at, or has hard links that are
// none any more. A third of the moments are spread over the time, the others over the steps, of a process that applies some hundred changes: deletions,
// renamed directories and files, new and changed content, metadata alone, hard links, special files and attributes.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '150' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const dist = new URL('../../dist/', import.meta.url);
const { apply, mount, resumeApply } = await import(new URL('index.js', dist));
const { compareTrees } = await import(new URL('layer/index.js', dist));
const options = { redirectDir: 'on', metacopy: true };

let state = Number(values.seed);
// Numerical Recipes' linear congruential generator: good enough for moments.
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

function plant(lower) {
  for (let d = 0; d < 20; d++) {
    mkdirSync(`${lower}/d${d}/sub`, { recursive: true });
    for (let f = 0; f < 15; f++) {
      writeFileSync(`${lower}/d${d}/f${f}`, `old ${d} ${f}\n`.repeat(50));
      utimesSync(`${lower}/d${d}/f${f}`, 1000 + f, 2000 + f + 0.125);
    }
    linkSync(`${lower}/d${d}/f0`, `${lower}/d${d}/sub/linked`);
  }
}

function change(view) {
  for (let d = 0; d < 20; d++) {
    const here = `${view}/d${d}`;
    writeFileSync(`${here}/f1`, `new ${d}\n`.repeat(80));
    rmSync(`${here}/f2`);
    renameSync(`${here}/f3`, `${here}/renamed`);
    chmodSync(`${here}/f4`, 0o4750);
    chownSync(`${here}/f5`, 12, 34);
    mkdirSync(`${here}/fresh/deep`, { recursive: true });
    writeFileSync(`${here}/fresh/deep/one`, 'one');
    linkSync(`${here}/fresh/deep/one`, `${here}/fresh/two`);
    rmSync(`${here}/f6`);
    mkdirSync(`${here}/f6`);
    symlinkSync('../f1', `${here}/f6/link`);
    utimesSync(`${here}/fresh`, 5, 123456.5);
  }
  renameSync(`${view}/d3`, `${view}/moved`);
  renameSync(`${view}/d5`, `${view}/d4/inside`);
  rmSync(`${view}/d7`, { recursive: true });
  rmSync(`${view}/d8`, { recursive: true });
  writeFileSync(`${view}/d8`, 'a file now');
  execFileSync('mkfifo', [`${view}/fifo`]);
  renameSync(`${view}/d9/sub`, `${view}/d10/taken`);
}

async function differences(one, other) {
  const found = [];
  for await (const { kind, path, what, error } of compareTrees(one, other))
    found.push(`${kind} ${path} ${error?.message ?? what}`);
  return found;
}

const root = mkdtempSync(join(tmpdir(), 'overlayfs-soak-'));
const at = (name) => {
  mkdirSync(join(root, name), { recursive: true });
  return join(root, name);
};
const CHILD = `
  import { apply } from ${JSON.stringify(new URL('index.js', dist).href)};
  process.stdout.write('begun\\n');
  const [spec, to] = JSON.parse(process.argv[1]);
  await apply(spec, { to, onProgress: ({ done, total }) => process.stdout.write(done / total + '\\n') });`;

// Killed when it is so far by its own account, and some more milliseconds later: most of it is making ready, and the short
// part in which the target changes is to be met as often. 0 is when it has begun.
async function applied(spec, to, part, later) {
  const words = ['--input-type=module', '-e', CHILD, '--', JSON.stringify([spec, to])];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const start = Date.now();
  let said = '';
  let killing;
  child.stdout.on('data', (bytes) => {
    said += bytes;
    const far = Number(said.split('\n').at(-2)) || 0;
    if (part === undefined || far < part) return;
    killing ??= setTimeout(later).then(() => child.kill('SIGKILL'));
  });
  await ended;
  await killing;
  return Date.now() - start;
}

let failed = false;
try {
  const spec = { lower: at('lower'), upper: at('upper'), options };
  plant(spec.lower);
  const work = at('work');
  const mounted = async (use) => {
    const overlay = await mount({ ...spec, work });
    try {
      return await use(overlay.path);
    } finally {
      await overlay.unmount();
    }
  };
  await mounted((view) => change(view));
  const copy = (from, name) => {
    rmSync(join(root, name), { recursive: true, force: true });
    const { status, stderr } = spawnSync('cp', ['-a', '--reflink=auto', from, join(root, name)]);
    if (status !== 0) throw new Error(String(stderr));
    return join(root, name);
  };
  const whole = copy(spec.lower, 'whole');
  const longest = await applied(spec, whole);
  const wrong = await mounted((view) => differences(view, whole));
  if (wrong.length > 0) throw new Error(`even when nobody kills it: ${wrong.join(', ')}`);
  const seen = { old: 0, finished: 0, new: 0 };
  const kills = Number(values.kills);
  for (let i = 0; i < kills; i++) {
    const to = copy(spec.lower, 'target');
    await applied(spec, to, i % 3 === 0 ? 0 : random(), random() * (i % 3 === 0 ? longest : 5));
    const finished = await resumeApply(to);
    const isNew = readdirSync(to).includes('moved');
    const wrong = await differences(isNew ? whole : spec.lower, to);
    if (isNew && statSync(`${to}/d0/fresh/two`).ino !== statSync(`${to}/d0/fresh/deep/one`).ino)
      wrong.push('d0/fresh/two is no name of d0/fresh/deep/one');
    if (finished && !isNew) wrong.push('finished, and still as it was');
    if (wrong.length > 0) {
      console.error(`FAILED: kill ${i}: ${wrong.slice(0, 10).join(', ')}`);
      failed = true;
    }
    // What was old takes the changes yet.
    if (!isNew && i % 5 === 0) {
      await apply(spec, { to });
      const left = await differences(whole, to);
      if (left.length > 0) console.error(`FAILED: applied after kill ${i}: ${left.join(', ')}`);
      failed ||= left.length > 0;
    }
    seen[finished ? 'finished' : isNew ? 'new' : 'old'] += 1;
  }
  console.log(`apply: ${kills} kills within ${longest} ms (seed ${values.seed}): ${JSON.stringify(seen)}`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
