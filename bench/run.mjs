// Compares the package with C and with mount(8), everything interleaved in one run.
//
//   npm run bench -- [--quick] [--json] [--only REGEX] [--on DIRECTORY]
//
// Needs root and a C compiler. --on chooses the filesystem: the directory to work below.
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { loadBaseline } from './baseline.mjs';
import { measureImport } from './import-time.mjs';
import { measureRow } from './rounds.mjs';
import { clearStage, setStage } from './stage.mjs';
import { microseconds, printTable, ratio } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    on: { type: 'string', default: tmpdir() },
  },
});

const RATIOS = [
  ['sync', 'same'],
  ['sync', 'fewest'],
  ['promise', 'same'],
  ['promise', 'fewest'],
  ['spawn', 'sync'],
  ['same', 'fewest'],
];
const COLUMNS = ['fewest', 'same', 'sync', 'promise', 'spawn'];

const rows = [true, false].flatMap((writable) =>
  [true, false].flatMap((attached) =>
    [1, 25, 128, 500].map((lowers) => ({
      name: `${writable ? 'writable' : 'read-only'} ${attached ? 'attached' : 'detached'} ${lowers}`,
      writable,
      attached,
      lowers,
    })),
  ),
);

// Big stacks take milliseconds a round: fewer of them say as much.
function lengthOf({ lowers }) {
  const blocks = lowers > 25 ? 20 : 60;
  return {
    blocks: options.quick ? Math.ceil(blocks / 6) : blocks,
    blockRounds: lowers > 128 ? 3 : 10,
    warmUp: lowers > 128 ? 50 : lowers > 25 ? 300 : 1500,
  };
}

const packageUrl = new URL('../dist/index.js', import.meta.url);
const only = new RegExp(options.only);
let root;

// Between two blocks the run unwinds through `finally`, which leaves neither a mount nor a directory behind.
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

try {
  const library = existsSync(packageUrl) ? await import(packageUrl) : undefined;
  if (!library)
    console.error('dist/ is missing: only the baselines are measured. Run `npm run build` first.');
  root = setStage(options.on);
  const baseline = loadBaseline(root);
  const results = [];
  for (const row of rows.filter(({ name }) => only.test(name))) {
    if (interrupted) throw new Error('interrupted');
    const passes = await measureRow(row, { root, baseline, library, ...lengthOf(row) });
    const beside = (...names) => passes.find((pass) => names.every((name) => name in pass)) ?? {};
    results.push({
      name: row.name,
      microseconds: Object.fromEntries(
        COLUMNS.map((column) => [column, microseconds(beside(column)[column])]),
      ),
      ratios: Object.fromEntries(
        RATIOS.map(([a, b]) => [`${a}/${b}`, ratio(beside(a, b)[a], beside(a, b)[b])]),
      ),
    });
    if (!options.json) process.stderr.write(`${row.name} done\n`);
  }
  const starts =
    library && only.test('import')
      ? measureImport(root, packageUrl.href, options.quick ? 10 : 40)
      : undefined;
  const imported = starts && { empty: microseconds(starts.empty), package: microseconds(starts.package) };

  if (options.json) {
    console.log(JSON.stringify({ node: process.version, rows: results, import: imported }, null, 2));
  } else {
    const values = (result) => [result.name, ...COLUMNS.map((column) => result.microseconds[column])];
    const ratios = (result) => [result.name, ...RATIOS.map(([a, b]) => result.ratios[`${a}/${b}`])];
    if (results.length > 0) {
      printTable(
        'mount + unmount, median µs',
        ['', 'C fewest', 'C same', 'sync', 'promise', 'mount(8)'],
        results.map(values),
        [1, 1, 1, 1, 0],
      );
      printTable(
        'ratios, medians of neighbouring blocks',
        ['', ...RATIOS.map((pair) => pair.join('/'))],
        results.map(ratios),
        [2, 2, 2, 2, 0, 2],
      );
    }
    if (imported) {
      const added = imported.package - imported.empty;
      printTable(
        'start of Node, median ms',
        ['', 'ms'],
        [
          ['empty module', imported.empty / 1000],
          ["import 'overlayfs'", imported.package / 1000],
          ['added', added / 1000],
        ],
        [1],
      );
    }
  }
} catch (error) {
  console.error(error.message);
  process.exitCode ??= 1;
} finally {
  if (root) clearStage(root);
}
