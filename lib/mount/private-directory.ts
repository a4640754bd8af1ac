// A directory of our own in one of the user's: unique, of mode 0700, or an error that says that nothing can be made there.
import { accessSync, constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import { procPath } from '../kernel/constants.ts';
import { EACCES } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, wait } from '../kernel/routine.ts';
import { makeUsableDirectory } from '../kernel/usable-directory.ts';

// To make an entry takes the right to search as well.
const NEEDED = constants.W_OK | constants.X_OK;

function* isWritable(directory: number): Routine<boolean> {
  const path = procPath(directory);
  try {
    yield* wait({ now: () => accessSync(path, NEEDED), later: () => access(path, NEEDED) });
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes it in the directory `parent`, and gives its name: the prefix and 16 hexadecimal digits.
 *
 * @throws {OverlayError} `notWritable`, when this user may not write there
 * @throws {KernelError} any other failure of mkdirat(2)
 */
export function* makePrivateDirectory(
  parent: number,
  prefix: string,
  notWritable: () => Finding,
): Routine<string> {
  // The global: importing node:crypto would cost every start of Node two milliseconds.
  const name = prefix + Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex');
  try {
    yield* makeUsableDirectory(parent, name, 0o700);
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== -EACCES || (yield* isWritable(parent)))
      throw error;
    throw new OverlayError([notWritable()], error);
  }
  return name;
}
