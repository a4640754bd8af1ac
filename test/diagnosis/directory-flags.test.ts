// The project of a directory, as xfs tells it without any quota; and nothing where a filesystem does not tell.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { addFlags, flagsIn, NO_FLAGS, projectIn } from '../../lib/diagnosis/directory-flags.ts';
import { Program } from '../../lib/kernel/program.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { run } from '../support/command.ts';
import { loopFilesystem } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';

function flagsAt(fd: number) {
  const program = new Program();
  const steps = addFlags(program, fd);
  return flagsIn(runSync(program.run()), steps);
}

const flagsOf = (path: string) => {
  const fd = openSync(path, 'r');
  try {
    return flagsAt(fd);
  } finally {
    closeSync(fd);
  }
};

test('a directory of no filesystem that tells', () => {
  expect(flagsOf('/proc/self')).toEqual({ ...NO_FLAGS, readable: true });
  expect(flagsAt(-2)).toEqual(NO_FLAGS);
});

test('a project counts only where it is passed on', () => {
  const fsxattr = Buffer.alloc(28);
  new Uint32Array(fsxattr.buffer, fsxattr.byteOffset)[3] = 7;
  expect(projectIn(fsxattr)).toBeUndefined();
  new Uint32Array(fsxattr.buffer, fsxattr.byteOffset)[0] = 0x200;
  expect(projectIn(fsxattr)).toBe(7);
});

privileged('projects on xfs', () => {
  const { path } = loopFilesystem('xfs');
  for (const name of ['plain', 'passed']) mkdirSync(`${path}/${name}`);
  run('chattr', '-p', '5', '+P', `${path}/passed`);
  run('chattr', '-p', '5', `${path}/plain`);
  expect(flagsOf(`${path}/plain`)).toMatchObject({ project: undefined });
  expect(flagsOf(`${path}/passed`)).toMatchObject({ project: 5 });
});
