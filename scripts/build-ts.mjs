// Builds dist/ from lib/: one file an entry point and what they share, and the types beside.
//
// Bundled, since each module costs Node a third of a millisecond at start, and lib/ has about a hundred.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

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
  'cli/main': 'lib/cli/main.ts',
};
const common = {
  cwd: root,
  platform: 'node',
  external: [/^node:/, 'fzstd'],
  logLevel: 'warn',
};

/** What starting a command needs at once: as one file, since `overlayfs run` is to cost no more than it must. */
async function startingModules() {
  const file = 'lib/run/run.ts';
  if (!existsSync(join(root, file))) return new Set();
  const later = { name: 'later', resolveDynamicImport: () => ({ id: 'node:later', external: true }) };
  const { output } = await build({ ...common, input: { run: file }, write: false, plugins: [later] });
  return new Set(output.flatMap((chunk) => Object.keys(chunk.modules ?? {})));
}

const starting = await startingModules();
const present = Object.entries(entries).filter(([, file]) => existsSync(join(root, file)));
await build({
  ...common,
  input: Object.fromEntries(present),
  transform: { target: 'es2022' },
  output: {
    dir: fresh,
    format: 'esm',
    chunkFileNames: 'shared-[hash].js',
    minify: false,
    codeSplitting: { groups: [{ name: 'start', test: (id) => starting.has(id) }] },
  },
});
const program = join(fresh, 'cli/main.js');
if (existsSync(program)) chmodSync(program, 0o755);

const dist = join(root, 'dist');
const old = `${fresh}-old`;
if (existsSync(dist)) renameSync(dist, old);
renameSync(fresh, dist);
rmSync(old, { recursive: true, force: true });
