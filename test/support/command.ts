// Runs the programs that tests are built from (mkfs, mount, cc) and finds out which of them are missing.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const path = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter(
  (entry) => entry !== '',
);

/** The full name of a program, also of one that only root's PATH has. */
export function which(program: string): string | undefined {
  return path.map((directory) => join(directory, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a program to its end and returns what it printed. A failure is an error with the command and its words. */
export function run(program: string, ...args: readonly string[]): string {
  const file = which(program);
  if (file === undefined) throw new Error(`there is no program named ${program}`);
  const { error, status, signal, stdout, stderr } = spawnSync(file, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${[program, ...args].join(' ')}: ${signal ?? `exit ${status}`}\n${stderr}${stdout}`);
  return stdout;
}
