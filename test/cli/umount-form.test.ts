import { symlinkSync } from 'node:fs';
import { expect } from 'vitest';
import { mountsBelow } from '../support/mounts.ts';
import { privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { overlayfs, programFile, shell } from './run-program.ts';

/** Runs it by the name under which umount(8) would. */
function umount(scratch: Scratch, words: string) {
  symlinkSync(programFile, scratch.join('umount.overlay'));
  return shell(`./umount.overlay ${words}`, scratch.path);
}

privileged("takes umount(8)'s words", () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers();
  overlayfs(['mount', '--lower', lower[0]!, target]);
  expect(umount(scratch, `${target} -l -f -n -v -r`)).toMatchObject({
    status: 0,
    stdout: `overlayfs: ${target} unmounted\n`,
    stderr: '',
  });
  expect(mountsBelow(scratch.path)).toEqual([]);
});
privileged('what is not mounted is 32, in one line', () => {
  expect(umount(scratchDirectory(), '/no/such')).toMatchObject({
    status: 32,
    stderr: expect.stringMatching(/^overlayfs: target \("\/no\/such"\).*\n$/),
  });
});
privileged('wrong words are 1', () => {
  expect(umount(scratchDirectory(), '-q /m')).toMatchObject({
    status: 1,
    stderr: 'overlayfs: there is no flag -q\n',
  });
});
