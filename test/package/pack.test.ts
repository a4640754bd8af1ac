// The package as it would be published: what is in it, and that it works where there is no compiler and no network.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { checkPrebuilds } from '../../scripts/check-prebuilds.mjs';
import { packageRoot } from '../support/built-package.ts';
import { which } from '../support/command.ts';
import { missing } from '../support/requirement.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { developmentProgram, type Installed, installPackage, nodeInProject } from './installed-package.ts';

let installed: Installed;
let home: string;
beforeAll(() => {
  installed = installPackage();
  home = join(installed.project, 'node_modules/overlayfs');
});

const wanted = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/,
  /^dist\/.+\.(js|cjs|d\.ts)$/,
  /^docs\/[\w./-]+\.md$/,
  /^prebuilds\/(linux-\w+\/overlayfs\.node|SHA256SUMS|BUILD)$/,
  // To build the addon again.
  /^(binding\.gyp|native\/\w+\.(cc|h)|scripts\/native-digest\.mjs)$/,
];

test('the tarball holds what it should and nothing else', () => {
  const { names, size, unpackedSize } = installed.tarball;
  console.log(`packed ${size} bytes, unpacked ${unpackedSize} bytes, ${names.length} files`);
  expect(names.filter((name) => !wanted.some((pattern) => pattern.test(name)))).toEqual([]);
  for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'dist/index.js', 'dist/index.d.ts'])
    expect(names).toContain(name);
  for (const directory of ['native', 'docs'])
    for (const name of readdirSync(join(packageRoot, directory)))
      expect(names).toContain(`${directory}/${name}`);
});

test('nothing can be compiled where it was installed', () => {
  expect(readdirSync(installed.path)).toEqual(['node']);
  expect(existsSync(join(home, 'build'))).toBe(false);
});

/** What a script of this project prints, and the addons that it has loaded. */
function loaded(load: string): { exports: string[]; addons: string[] } {
  const script = `(async () => {
    const overlayfs = ${load};
    const maps = require('node:fs').readFileSync('/proc/self/maps', 'latin1');
    const addons = [...new Set(maps.match(/\\/.*\\.node$/gm))];
    console.log(JSON.stringify({ exports: Object.keys(overlayfs), addons }));
  })()`;
  const { status, stdout, output } = nodeInProject(installed, '-e', script);
  expect(status, output).toBe(0);
  return JSON.parse(stdout);
}

test.each(["await import('overlayfs')", "require('overlayfs')"])('%s loads the prebuilt addon', (load) => {
  const { exports, addons } = loaded(load);
  for (const name of ['mount', 'mountSync', 'unmount', 'list']) expect(exports).toContain(name);
  expect(addons).toEqual([realpathSync(join(home, `prebuilds/linux-${process.arch}/overlayfs.node`))]);
});

test('overlayfs/testing needs no test runner to be installed', () => {
  const { exports } = loaded("await import('overlayfs/testing')");
  expect(exports.sort()).toEqual(['assertChanges', 'overlayFixture', 'overlayMatchers']);
});

test.each([
  ['layer', ['whiteout', 'isOpaque', 'openStack']],
  ['oci', ['openImage', 'unpackImage', 'unpackLayer', 'packLayer', 'writeImage']],
  ['store', ['openStore']],
])('overlayfs/%s is there for import and for require', (name, wanted) => {
  for (const load of [`await import('overlayfs/${name}')`, `require('overlayfs/${name}')`])
    expect(loaded(load).exports).toEqual(expect.arrayContaining(wanted));
});

test('the command-line program can be run', () => {
  const { status, output } = nodeInProject(installed, 'node_modules/.bin/overlayfs', '--help');
  expect(status, output).toBe(0);
  expect(output).toContain('tour');
});

test.each([
  ['esm.mts', "import { mount, type Overlay } from 'overlayfs';"],
  ['require.cts', "import overlayfs = require('overlayfs');\nconst { mount } = overlayfs;"],
])('types are found: %s', (file, load) => {
  const overlay = file.endsWith('.mts') ? 'Overlay' : 'overlayfs.Overlay';
  const source = `${load}\nexport async function use(): Promise<string> {
  const overlay: ${overlay} = await mount({ lower: '/a' });
  // @ts-expect-error
  await mount({ lower: 5 });
  return overlay.path;
}
export async function testing(): Promise<unknown> {
  const { overlayFixture } = await import('overlayfs/testing');
  // @ts-expect-error
  overlayFixture('/a', { pool: 'many' });
  const fork: import('overlayfs/testing').Fork = await overlayFixture('/a').fork();
  return await fork.changes({ times: true });
}
export async function images(): Promise<string> {
  const { openImage, packLayer, unpackImage } = await import('overlayfs/oci');
  const image: import('overlayfs/oci').Image = await openImage('/image');
  // @ts-expect-error
  await unpackImage(image, '/dir', { format: 'tar' });
  const packed: import('overlayfs/oci').Packed = await packLayer('/layer', { compress: 'gzip' }).result;
  return packed.diffId;
}\n`;
  writeFileSync(join(installed.project, file), source);
  const options = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--noEmit', '--types', 'node'];
  const { status, output } = nodeInProject(
    installed,
    join(packageRoot, 'node_modules/typescript/bin/tsc'),
    ...options,
    '--typeRoots',
    join(packageRoot, 'node_modules/@types'),
    file,
  );
  expect(status, output).toBe(0);
});

test.each([
  ['publint', 'publint', ['run', '--strict']],
  ['@arethetypeswrong/cli', 'attw', ['--profile', 'esm-only', '--no-color']],
])('%s has nothing to say', (name, bin, options) => {
  const { status, output } = nodeInProject(
    installed,
    developmentProgram(name, bin),
    ...options,
    installed.tarball.file,
  );
  expect(status, output).toBe(0);
});

test('the installed addons are those of the installed sources', () => {
  // The checks come with the checkout alone.
  const copy = scratchDirectory().path;
  cpSync(home, copy, { recursive: true });
  expect(checkPrebuilds(copy)).toEqual([]);
});

test('the addon can be built again from the tarball', () => {
  for (const program of ['g++', 'make', 'python3'])
    if (which(program) === undefined) missing(`there is no ${program}`);
  const nodeDirectory = dirname(dirname(realpathSync(process.execPath)));
  if (!existsSync(join(nodeDirectory, 'include/node/node_api.h'))) missing('this Node came without headers');
  const copy = scratchDirectory().path;
  cpSync(join(installed.project, 'node_modules'), join(copy, 'node_modules'), { recursive: true });
  const cwd = join(copy, 'node_modules/overlayfs');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [developmentProgram('node-gyp'), 'rebuild', `--nodedir=${nodeDirectory}`, '--jobs=max'],
    { cwd, encoding: 'utf8', env: { ...process.env, TMPDIR: copy } },
  );
  expect(status, stdout + stderr).toBe(0);
  const digest = (file: string): string => `require(${JSON.stringify(join(cwd, file))}).sourceDigest`;
  const same = `${digest('build/Release/overlayfs.node')} === ${digest(`prebuilds/linux-${process.arch}/overlayfs.node`)}`;
  expect(nodeInProject(installed, '-p', same).output).toBe('true\n');
});
