// What the guards of mount() cost when nothing is wrong: mount and unmount with all of them, beside the same with the caller
// insisting on everything that a caller can insist on, in turns.
//
//   npm run bench:guards -- [--on DIRECTORY] [--rounds N]
//
// Needs root.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mountSync } from '../dist/index.js';
import { clearStage, setStage } from './stage.mjs';
import { median, printTable } from './table.mjs';

const { values: options } = parseArgs({
  options: { on: { type: 'string', default: tmpdir() }, rounds: { type: 'string', default: '1000' } },
});
const INSISTS = {
  shareUpper: true,
  shareLower: true,
  overlapLayers: true,
  mixDialects: true,
  discardWork: true,
};

const root = setStage(options.on);
const at = (name) => join(root, name);
const lowers = (count) => Array.from({ length: count }, (_, i) => at(`l${i}`));
const written = { upper: at('u'), work: at('w') };

// Microseconds of one mount and unmount.
function once(spec) {
  const start = process.hrtime.bigint();
  mountSync(spec).unmountSync();
  return Number(process.hrtime.bigint() - start) / 1e3;
}

try {
  const rows = [];
  for (const count of [1, 25]) {
    for (const [kind, more] of [
      ['writable', written],
      ['read-only', {}],
    ]) {
      const spec = { lower: lowers(count), target: at('m'), ...more };
      const took = { with: [], without: [] };
      for (let i = 0; i < Number(options.rounds); i++) {
        took.with.push(once(spec));
        took.without.push(once({ ...spec, ...INSISTS }));
      }
      const [all, none] = [median(took.with), median(took.without)];
      rows.push([`${kind}, ${count}`, all, none, all / none]);
    }
  }
  printTable('guards: µs a mount and unmount', ['lowers', 'with', 'insisting', 'ratio'], rows, [0, 0, 2]);
} finally {
  clearStage(root);
}
