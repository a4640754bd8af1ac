// Loading the addon: the checkout's own build first, then the prebuilt one, else an error that says how to build.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { addon, nativeFunction } from '../../lib/kernel/addon.ts';
import { EXPECTED_CALLS } from '../../lib/kernel/expected-calls.ts';
import { isOfBuild, packageRoot } from '../support/built-package.ts';
import { type Outcome, printedJson, runNode } from '../support/node-process.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';

const place = `linux-${process.arch}/overlayfs.node`;

/** The package without any addon. */
function bare(): Scratch {
  const scratch = scratchDirectory();
  for (const part of ['package.json', 'binding.gyp', 'dist']) {
    cpSync(join(packageRoot, part), scratch.join(part), { recursive: true, filter: isOfBuild });
  }
  return scratch;
}

function load(scratch: Scratch): Outcome {
  const url = pathToFileURL(scratch.join('dist/index.js'));
  return runNode(
    `try { const { listSync } = await import('${url}'); console.log(JSON.stringify({ list: Array.isArray(listSync()) })); }
     catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }`,
  );
}

/** The addon that this checkout has, built or prebuilt. */
function someAddon(): string {
  const found = [`${packageRoot}build/Release/overlayfs.node`, `${packageRoot}prebuilds/${place}`].find(
    existsSync,
  );
  expect(found).toBeDefined();
  return found!;
}

test('it is there, with its table and the functions of its table', () => {
  expect(Object.keys(EXPECTED_CALLS).sort()).toEqual(Object.keys(addon.calls).sort());
  expect(Object.keys(addon.calls)).toContain('fsopen');
  expect(nativeFunction('fsopen')).toBeInstanceOf(Function);
  expect(nativeFunction('fsopenSync')).toBe(nativeFunction('fsopenSync'));
  expect(['fsopenLater', 'fsopenSyncSync', '', 'execve', 'execveSync'].map(nativeFunction)).toEqual(
    Array(5).fill(undefined),
  );
  expect(addon.sourceDigest).toMatch(/^[0-9a-f]{8,}$/);
});

test('without one, the error names both places and the command that builds it', () => {
  const scratch = bare();
  expect(printedJson(load(scratch))).toEqual({
    code: 'ERR_OVERLAY_NO_ADDON',
    message:
      `overlayfs has no addon for linux-${process.arch}. Looked for ${scratch.path}/build/Release/overlayfs.node and ` +
      `${scratch.path}/prebuilds/${place}. ` +
      `Build it: cd ${scratch.path} && npx node-gyp rebuild (needs g++, make and python3)`,
  });
});

test('one that was built from older sources is refused by the import, with the calls that it does not know', () => {
  const scratch = bare();
  const file = scratch.join('build/Release/overlayfs.node');
  mkdirSync(join(file, '..'), { recursive: true });
  const bytes = readFileSync(someAddon());
  const at = bytes.indexOf('\0require_absent\0');
  expect(at).toBeGreaterThan(0);
  bytes.write('require_missing'.slice(0, 14), at + 1);
  writeFileSync(file, bytes);
  expect(printedJson(load(scratch))).toEqual({
    code: 'ERR_OVERLAY_STALE_ADDON',
    message:
      `overlayfs: ${file} was built from other sources than this library, and does not know require_absent as it does. ` +
      `Install the package anew, or build it: cd ${scratch.path} && npx node-gyp rebuild (needs g++, make and python3)`,
  });
});

test('a prebuilt one is enough, and so is a built one', () => {
  const scratch = bare();
  const prebuilt = scratch.join('prebuilds', place);
  mkdirSync(join(prebuilt, '..'), { recursive: true });
  copyFileSync(someAddon(), prebuilt);
  expect(printedJson(load(scratch))).toEqual({ list: true });
  scratch.directory('build/Release');
  renameSync(prebuilt, scratch.join('build/Release/overlayfs.node'));
  expect(printedJson(load(scratch))).toEqual({ list: true });
});

test('a built one comes before a prebuilt one', () => {
  const scratch = bare();
  mkdirSync(join(scratch.join('prebuilds', place), '..'), { recursive: true });
  copyFileSync(someAddon(), scratch.join('prebuilds', place));
  scratch.file('build/Release/overlayfs.node', 'no addon at all');
  expect(printedJson<{ message: string }>(load(scratch)).message).toContain('build/Release/overlayfs.node');
});

test('the package is found from a place with a space and a percent sign', () => {
  const outer = scratchDirectory();
  const inner = bare();
  const odd = outer.directory('100% odd', 'place');
  cpSync(inner.path, odd, { recursive: true });
  mkdirSync(join(odd, 'build/Release'), { recursive: true });
  copyFileSync(someAddon(), join(odd, 'build/Release/overlayfs.node'));
  const outcome = runNode(`await import('${pathToFileURL(join(odd, 'dist/index.js'))}'); console.log(1);`);
  expect(outcome).toMatchObject({ status: 0, stdout: '1\n' });
});
