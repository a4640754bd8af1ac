// Everything that a mount can leave behind, as one value to compare before and after.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { openDescriptors } from '../support/leaks.ts';
import { tree } from '../support/tree.ts';

/** All directories below one, which `tree` names only when they are empty. */
function directories(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => lstatSync(`${path}/${name}`).isDirectory())
    .sort();
}

export interface Traces {
  readonly files: Record<string, string>;
  readonly directories: readonly string[];
  readonly mounts: readonly string[];
  readonly descriptors: readonly string[];
  readonly temporary: readonly string[];
}

/** What is below the directory, what is mounted anywhere, and which descriptors are open. */
export function traces(directory: string): Traces {
  return {
    files: tree(directory),
    directories: directories(directory),
    // The counters of other tests' mounts do not matter: only lines that name the directory.
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(directory)),
    descriptors: openDescriptors().map(({ fd, target }) => `${fd} ${target}`),
    temporary: readdirSync(tmpdir()).filter((name) => /foothold|empty-lower/.test(name)),
  };
}
