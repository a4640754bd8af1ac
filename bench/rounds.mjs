// The contenders of one row, and how they take turns so that drift of the machine cancels.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const PAGE_TEXT = 4095;

const nanoseconds = (start) => Number(process.hrtime.bigint() - start);

// The row as the package's users would write it.
function specOf({ writable, attached, lowers }, root) {
  return {
    lower: Array.from({ length: lowers }, (_, i) => join(root, `l${i}`)),
    ...(writable && { upper: join(root, 'u'), work: join(root, 'w') }),
    ...(attached && { target: join(root, 'm') }),
  };
}

function syncContender(library, spec) {
  return async (rounds) => {
    const took = [];
    for (let i = 0; i < rounds; i++) {
      const start = process.hrtime.bigint();
      library.mountSync(spec).unmountSync();
      took.push(nanoseconds(start));
    }
    return took;
  };
}

function promiseContender(library, spec) {
  return async (rounds) => {
    const took = [];
    for (let i = 0; i < rounds; i++) {
      const start = process.hrtime.bigint();
      const overlay = await library.mount(spec);
      await overlay.unmount();
      took.push(nanoseconds(start));
    }
    return took;
  };
}

// mount(8) cannot make a detached mount, nor pass more than a page of options.
function spawnContender({ writable, attached, lowers }, root, { lower, upper, work, target }) {
  if (!attached) return undefined;
  const layers = !writable && lowers === 1 ? [...lower, join(root, 'e')] : lower;
  const options = [
    `lowerdir=${layers.join(':')}`,
    ...(writable ? [`upperdir=${upper}`, `workdir=${work}`] : []),
  ].join(',');
  if (options.length > PAGE_TEXT) return undefined;
  const spawner = fork(new URL('spawner.mjs', import.meta.url));
  const run = async (rounds) => {
    const took = [];
    for (let i = 0; i < rounds; i++) {
      spawner.send({ options, target });
      const [answer] = await once(spawner, 'message');
      if (answer.complaint) throw new Error(answer.complaint);
      took.push(answer.took);
    }
    return took;
  };
  return { run, stop: () => spawner.disconnect() };
}

function baselineContender(baseline, fewest) {
  return async (rounds) => {
    const took = new Float64Array(rounds);
    baseline.rounds(fewest, took);
    return [...took];
  };
}

// Turn b begins with contender b and goes by steps of another size each time: nobody always comes after the same one,
// whose last effects (a journal being written, a processor just woken) would be counted with it.
function inTurn(contenders, turn) {
  const { length } = contenders;
  const steps = [1, 2, 3, 4].filter((step) => length % step !== 0 || step === 1);
  const step = steps[turn % steps.length];
  return contenders.map((_, i) => contenders[(turn + i * step) % length]);
}

// Who is measured beside whom. Each form has a pass of its own with C: what one form leaves behind (threads just woken,
// caches full of its code) is no cost of the other, and a program uses one.
const PASSES = [
  ['fewest', 'same', 'sync'],
  ['fewest', 'same', 'promise'],
  ['sync', 'spawn'],
];

async function measurePass(contenders, { blocks, blockRounds, warmUp }) {
  const samples = Object.fromEntries(contenders.map(([name]) => [name, []]));
  // Caches, and the code that the engine compiles only after some hundred calls.
  for (const [name, run] of contenders) await run(name === 'spawn' ? 1 : warmUp);
  for (let block = 0; block < blocks; block++) {
    for (const [name, run] of inTurn(contenders, block)) samples[name].push(await run(blockRounds));
  }
  return samples;
}

// Measures one row: for each pass, name → the samples of each block.
export async function measureRow(row, { root, baseline, library, ...lengths }) {
  const spec = specOf(row, root);
  baseline.prepare(row.writable, row.attached, row.lowers, root);
  const spawned = spawnContender(row, root, spec);
  const contenders = {
    fewest: baselineContender(baseline, true),
    same: baselineContender(baseline, false),
    ...(library && { sync: syncContender(library, spec), promise: promiseContender(library, spec) }),
    // One round a block: it is so slow that more would only stretch the run.
    ...(spawned && { spawn: () => spawned.run(1) }),
  };
  try {
    const passes = [];
    for (const names of PASSES) {
      const present = names.filter((name) => name in contenders).map((name) => [name, contenders[name]]);
      passes.push(await measurePass(present, lengths));
    }
    return passes;
  } finally {
    spawned?.stop();
  }
}
