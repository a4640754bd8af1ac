// The path that leads to an open file or directory, through no symbolic link.
import { realpath, realpathSync } from 'node:fs';
import { call } from './call.ts';
import { AT_FDCWD, procPath } from './constants.ts';
import { ENOENT } from './errno.ts';
import { KernelError } from './kernel-error.ts';
import { type Routine, wait } from './routine.ts';

const later = (path: string | Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    realpath.native(path, 'buffer', (error, real) => (error === null ? resolve(real) : reject(error)));
  });

/**
 * What /proc says of the descriptor; where /proc is not mounted, what `path` leads to, which it was opened by.
 *
 * @throws {KernelError} of readlinkat(2), and the error of node:fs
 */
export function* pathOf(fd: number, path: string | Buffer | undefined): Routine<Buffer> {
  try {
    return yield* call('readlinkat', AT_FDCWD, procPath(fd));
  } catch (error) {
    if (path === undefined || !(error instanceof KernelError) || error.errno !== -ENOENT) throw error;
    return yield* wait({
      now: () => realpathSync.native(path, 'buffer'),
      later: () => later(path),
    });
  }
}
