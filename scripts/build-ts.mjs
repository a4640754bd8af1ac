// Builds dist/ from lib/: one file an entry point and what they share, and the types beside.
//
// Bundled, since each module costs Node a third of a millisecond at start, and lib/ has about a hundred.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { buildProgram } from './build-program.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
// Built aside and renamed: whoever runs dist/ in the meantime has the old one, whole.
const fresh = mkdtempSync(join(root, 'dist-'));
chmodSync(fresh, 0o755);
process.on('exit', () => rmSync(fresh, { recursive: true, force: true }));

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const { status } = spawnSync(
  process.execPath,
  [tsc, '-p', join(root, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', fresh],
  { stdio: 'inherit' },
);
// A type error is told of, and makes the build fail, after what runs all the same has been built.
process.exitCode = status ?? 1;

const entries = {
  index: 'lib/index.ts',
  'layer/index': 'lib/layer/index.ts',
  'oci/index': 'lib/oci/index.ts',
  'testing/index': 'lib/testing/index.ts',
  'store/index': 'lib/store/index.ts',
};
const common = {
  cwd: root,
  platform: 'node',
  external: [/^node:/, 'fzstd'],
  transform: { target: 'es2022' },
  logLevel: 'warn',
};

const present = Object.entries(entries).filter(([, file]) => existsSync(join(root, file)));
await build({
  ...common,
  input: Object.fromEntries(present),
  output: { dir: fresh, format: 'esm', chunkFileNames: 'shared-[hash].js', minify: false },
});
if (existsSync(join(root, 'lib/cli/main.ts'))) await buildProgram(common, join(fresh, 'cli'));

const dist = join(root, 'dist');
const old = `${fresh}-old`;
if (existsSync(dist)) renameSync(dist, old);
renameSync(fresh, dist);
rmSync(old, { recursive: true, force: true });
