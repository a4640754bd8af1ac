// Records what mount(8) and this package say of every condition of the catalogue, and writes the pages made of that.
//
// Needs root, a built dist/ and all programs that the tests use:
//   unshare --mount --propagation private node scripts/write-docs.mjs
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

function test(args, env = {}) {
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error('a test failed, and nothing was recorded');
}

const place = mkdtempSync(join(tmpdir(), 'overlayfs-words-'));
try {
  const file = join(place, 'words');
  test(['test/diagnosis/catalogue'], { OVERLAYFS_RECORD_WORDS: file, OVERLAYFS_TEST_REQUIRE: 'all' });
  const rows = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .sort(
      (a, b) =>
        a.id.localeCompare(b.id, 'en', { numeric: true }) || a.condition.localeCompare(b.condition, 'en'),
    );
  const { stdout } = spawnSync('mount', ['--version'], { encoding: 'utf8' });
  const mount8 = /util-linux [\d.]+/.exec(stdout)?.[0] ?? 'mount(8)';
  const system = `Linux ${release().replace(/-.*/, '')} with ${mount8}`;
  writeFileSync(join(root, 'test/docs/words.json'), `${JSON.stringify({ system, rows }, null, 2)}\n`);
} finally {
  rmSync(place, { recursive: true });
}
test(['test/docs', '-u']);
