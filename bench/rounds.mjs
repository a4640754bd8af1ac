// The contenders of one row, and how they take turns so that drift of the machine cancels.
import { spawnSync } from 'node:child_process';
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
  const call = (command, args) => {
    const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.trim()}`);
  };
  return async (rounds) => {
    const took = [];
    for (let i = 0; i < rounds; i++) {
      const start = process.hrtime.bigint();
      call('mount', ['-t', 'overlay', 'overlay', '-o', options, target]);
      call('umount', [target]);
      took.push(nanoseconds(start));
    }
    return took;
  };
}

function baselineContender(baseline, fewest) {
  return async (rounds) => {
    const took = new Float64Array(rounds);
    baseline.rounds(fewest, took);
    return [...took];
  };
}

// Measures one row: name → the samples of each block. Blocks run A B C, then C B A, and so on.
export async function measureRow(row, { root, baseline, library, blocks, blockRounds, warmUp }) {
  const spec = specOf(row, root);
  baseline.prepare(row.writable, row.attached, row.lowers, root);
  const spawned = spawnContender(row, root, spec);
  const contenders = [
    ['fewest', baselineContender(baseline, true)],
    ['same', baselineContender(baseline, false)],
    ...(library
      ? [
          ['sync', syncContender(library, spec)],
          ['promise', promiseContender(library, spec)],
        ]
      : []),
    // One round a block: it is so slow that more would only stretch the run.
    ...(spawned ? [['spawn', () => spawned(1)]] : []),
  ];
  const samples = Object.fromEntries(contenders.map(([name]) => [name, []]));
  // Caches, and the code that the engine compiles only after some hundred calls.
  for (const [name, run] of contenders) await run(name === 'spawn' ? 1 : warmUp);
  for (let block = 0; block < blocks; block++) {
    for (const [name, run] of block % 2 ? [...contenders].reverse() : contenders) {
      samples[name].push(await run(blockRounds));
    }
  }
  return samples;
}
