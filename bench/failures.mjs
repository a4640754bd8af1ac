// How long a mount takes that fails, with the finding of its cause: several kinds of failures, both forms, both families.
//
//   npm run bench:failures -- [--on DIRECTORY] [--rounds N]
//
// Needs root.
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mount, mountSync } from '../dist/index.js';
import { clearStage, setStage } from './stage.mjs';
import { median, printTable } from './table.mjs';

const { values: options } = parseArgs({
  options: { on: { type: 'string', default: tmpdir() }, rounds: { type: 'string', default: '100' } },
});
const LOWERS = 25;

const root = setStage(options.on);
const at = (...names) => join(root, ...names);

function directory(...names) {
  mkdirSync(at(...names), { recursive: true });
  return at(...names);
}

// Each name with what is wrong in it; the last of the lowers, where a lower is meant.
function mistakes() {
  const lower = Array.from({ length: LOWERS }, (_, i) => at(`l${i}`));
  const whole = { lower, upper: at('u'), work: at('w'), target: at('m') };
  const last = (path) => ({ ...whole, lower: [...lower.slice(0, -1), path] });
  writeFileSync(at('file'), '');
  return {
    'a lower is missing': last(at('nope')),
    'a lower is a file': last(at('file')),
    'the target is missing': { ...whole, target: at('nope') },
    'a lower is named twice': last(lower[3]),
    'a lower lies in another': last(directory('l3', 'in')),
    'the upper is missing': { ...whole, upper: at('nope') },
    'work lies in upper': { ...whole, work: directory('u', 'in') },
    'an option is unknown': { ...whole, options: { raw: { bogus: '1' } } },
    'a lower is on procfs': last('/proc/sys'),
    'upper and work are in use': { ...whole, upper: directory('used', 'u'), work: directory('used', 'w') },
    "the same, guard: 'kernel'": { ...whole, upper: at('used', 'u'), work: at('used', 'w'), guard: 'kernel' },
    "a lower is missing, guard: 'kernel'": { ...last(at('nope')), guard: 'kernel' },
  };
}

// Milliseconds of each round; a mount that succeeds is a mistake of this program.
async function measure(form, spec) {
  const took = [];
  for (let i = 0; i < Number(options.rounds); i++) {
    const start = process.hrtime.bigint();
    try {
      await form(spec);
    } catch {
      took.push(Number(process.hrtime.bigint() - start) / 1e6);
      continue;
    }
    throw new Error('a mount that was to fail succeeded');
  }
  return took;
}

let using;
try {
  const specs = Object.entries(mistakes());
  using = mountSync({ lower: at('l400'), upper: at('used', 'u'), work: at('used', 'w') });
  const rows = [];
  for (const [name, spec] of specs) {
    const cells = [];
    for (const via of ['fsopen', 'mount']) {
      for (const form of [mountSync, mount]) {
        const took = await measure(form, { ...spec, via });
        cells.push(Math.min(...took), median(took));
      }
    }
    rows.push([name, ...cells]);
  }
  const heads = ['fsopen sync', 'fsopen promise', 'mount(2) sync', 'mount(2) promise'];
  printTable(
    `a mount of ${LOWERS} lowers that fails, with its cause: ms, the least and the median`,
    ['', ...heads.flatMap((head) => [head, 'median'])],
    rows,
    Array(8).fill(1),
  );
} finally {
  using?.unmountSync();
  clearStage(root);
}
