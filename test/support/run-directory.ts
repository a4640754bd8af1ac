// The private directory of one test run: its temporary files, and what is built once and shared by all workers.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const variable = 'OVERLAYFS_TEST_RUN';

/** Makes the directory and points TMPDIR into it, so that whatever a test leaves behind is found there. */
export function makeRunDirectory(): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'overlayfs-run-'));
  chmodSync(directory, 0o755);
  mkdirSync(join(directory, 'shared'));
  process.env[variable] = directory;
  process.env.TMPDIR = makeTemporaryDirectory();
  return directory;
}

/** Makes one more for temporary files in the directory of this run. */
export function makeTemporaryDirectory(): string {
  const path = mkdtempSync(join(runDirectory(), 'tmp-'));
  chmodSync(path, 0o1777);
  return path;
}

/** All of them in the directory of a run. */
export function temporaryDirectories(run: string): string[] {
  return readdirSync(run)
    .filter((name) => name.startsWith('tmp-'))
    .map((name) => join(run, name));
}

/** What the environment of all processes of a run holds. */
export function markOf(run: string): string {
  return `${variable}=${run}`;
}

/** The directory of this run; without the global setup, one that lives as long as this process. */
export function runDirectory(): string {
  const made = process.env[variable];
  if (made !== undefined) return made;
  const own = makeRunDirectory();
  process.on('exit', () => rmSync(own, { recursive: true, force: true }));
  return own;
}

/** Makes `name` once a run. Workers that come at the same time each make it, and the first to finish wins. */
export function onceARun(name: string, make: (path: string) => void): string {
  const path = join(runDirectory(), 'shared', name);
  if (existsSync(path)) return path;
  const own = `${path}.${process.pid}`;
  make(own);
  try {
    renameSync(own, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
    rmSync(own, { recursive: true });
  }
  return path;
}
