import { statSync, symlinkSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { runNode } from '../support/node-process.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { programFile, shell } from './run-program.ts';

test('is executable by itself, also through a link', () => {
  expect(statSync(programFile).mode & 0o111).toBe(0o111);
  const { path, join } = scratch();
  symlinkSync(programFile, join('overlayfs'));
  expect(shell('./overlayfs --help', path)).toMatchObject({ status: 0, stderr: '' });
});
test('through a link named mount.TYPE it is a mount program', () => {
  const { join } = scratch();
  symlinkSync(programFile, join('mount.ovltest'));
  const outcome = runNode(pathToFileURL(join('mount.ovltest')));
  expect(outcome).toMatchObject({ status: 1, stderr: 'overlayfs: the mount point is missing\n' });
});
function scratch() {
  const directory = scratchDirectory();
  return { path: directory.path, join: (name: string) => directory.join(name) };
}
