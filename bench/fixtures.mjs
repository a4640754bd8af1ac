// How long a test waits for its copy of a fixture: a fork, with and without forks that are made ahead, beside copies.
//
//   npm run bench:fixtures -- [--files 1000] [--kilobytes 16] [--blocks 8] [--test 5]
//
// The fixture is made for it: FILES files of KILOBYTES each, 50 to a directory. A test takes TEST ms, in which the next
// forks are made; that time is not counted, only what passes before the test begins and after it ends.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median, printTable } from './table.mjs';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '1000' },
    kilobytes: { type: 'string', default: '16' },
    blocks: { type: 'string', default: '8' },
    test: { type: 'string', default: '5' },
  },
});
const { overlayFixture } = await import(new URL('../dist/testing/index.js', import.meta.url));
const FORKS_A_BLOCK = 10;
const place = mkdtempSync(join(tmpdir(), 'overlayfs-bench-'));

function makeFixture() {
  const root = join(place, 'fixture');
  const content = Buffer.alloc(Number(values.kilobytes) * 1024, 'x');
  for (let i = 0; i < Number(values.files); i++) {
    if (i % 50 === 0) mkdirSync(join(root, String(i / 50)), { recursive: true });
    writeFileSync(join(root, String(Math.floor(i / 50)), String(i)), content);
  }
  return root;
}

const milliseconds = (since) => Number(process.hrtime.bigint() - since) / 1e6;

async function timed(provide, end) {
  let start = process.hrtime.bigint();
  const given = await provide();
  const before = milliseconds(start);
  await sleep(Number(values.test));
  start = process.hrtime.bigint();
  await end(given);
  return { before, after: milliseconds(start) };
}

const lower = makeFixture();
const copy = join(place, 'copy');
const root = process.geteuid() === 0;
const forkOf = (options) => {
  const fixture = overlayFixture(lower, options);
  return { rounds: FORKS_A_BLOCK, fixture, provide: () => fixture.fork(), end: (fork) => fork.close() };
};
const copyBy = (provide) => ({ rounds: 1, provide, end: () => rm(copy, { recursive: true }) });
const contenders = {
  ...(root && {
    'fork, root': forkOf({ pool: 0, rootless: false }),
    'fork, root, made ahead': forkOf({ pool: 2, rootless: false }),
  }),
  'fork, without root': forkOf({ pool: 0, rootless: true }),
  'fork, without root, made ahead': forkOf({ pool: 2, rootless: true }),
  'cp -a': copyBy(() => execFileSync('cp', ['-a', lower, copy])),
  'fs.cp': copyBy(() => cp(lower, copy, { recursive: true })),
  'fs.cpSync': copyBy(() => cpSync(lower, copy, { recursive: true })),
};

try {
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  const entries = Object.entries(contenders);
  for (const [, { provide, end }] of entries) await timed(provide, end);
  for (let block = 0; block < Number(values.blocks); block++) {
    // Nobody always comes after the same one.
    for (let i = 0; i < entries.length; i++) {
      const [name, { rounds, provide, end }] = entries[(block + i) % entries.length];
      for (let round = 0; round < rounds; round++) samples[name].push(await timed(provide, end));
    }
  }
  const rows = Object.entries(samples).map(([name, rounds]) => {
    const of = (part) => median(rounds.map((one) => one[part]));
    const slowest = rounds.map(({ before }) => before).sort((a, b) => a - b);
    return [name, of('before'), slowest[Math.floor(slowest.length * 0.95)], of('after')];
  });
  printTable(
    `A copy of ${values.files} files, ${(values.files * values.kilobytes) / 1024} MB, for each test: milliseconds that it waits`,
    ['', 'before, median', 'before, 95 %', 'after, median'],
    rows,
    [3, 3, 3],
  );
} finally {
  for (const { fixture } of Object.values(contenders)) await fixture?.close();
  rmSync(place, { recursive: true });
}
