// A private directory made in the one that is asked about, for as long as things are tried in it.
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { call, close } from '../call.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, procPath } from '../constants.ts';
import { KernelError } from '../kernel-error.ts';
import { type Routine, wait } from '../routine.ts';
import { makeUsableDirectory } from '../usable-directory.ts';
import { probeName } from './place.ts';

export interface ProbeDirectory {
  /** A readable descriptor of it. */
  readonly fd: number;
  /** A name of it that needs no escape in any form of mount options. */
  readonly path: string;
}

/**
 * Makes it with mode 0700, lends it to `use`, and removes it with all that is in it. It changes the directory's mtime,
 * which no other way of trying could avoid. When it cannot be made, `use` gets the refusal.
 */
export function* withProbeDirectory<T>(
  directory: number,
  use: (made: ProbeDirectory | KernelError) => Routine<T>,
): Routine<T> {
  const name = `.${probeName()}`;
  try {
    yield* makeUsableDirectory(directory, name, 0o700);
  } catch (error) {
    if (error instanceof KernelError) return yield* use(error);
    throw error;
  }
  try {
    const fd = yield* call('openat', directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    try {
      return yield* use({ fd, path: procPath(fd) });
    } finally {
      close(fd);
    }
  } finally {
    const path = `${procPath(directory)}/${name}`;
    const options = { recursive: true, force: true };
    yield* wait({ now: () => rmSync(path, options), later: () => rm(path, options) });
  }
}
