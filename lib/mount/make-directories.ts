// Makes the directories that a mount needs and that are missing, and takes back exactly those when the mount fails.
import { call } from '../kernel/call.ts';
import { AT_FDCWD, AT_REMOVEDIR } from '../kernel/constants.ts';
import { EEXIST, ENOENT } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { makeUsableDirectory } from '../kernel/usable-directory.ts';

const SLASH = 0x2f;

function parentOf(path: Buffer): Buffer {
  let end = path.length;
  while (end > 1 && path[end - 1] === SLASH) end--;
  while (end > 0 && path[end - 1] !== SLASH) end--;
  while (end > 1 && path[end - 1] === SLASH) end--;
  return path.subarray(0, Math.max(end, 1));
}

/**
 * Makes `path` and its missing parents, mode 0777 less the umask, which leaves the owner his rights, and adds what it made to `made`, the outermost first.
 *
 * @param path absolute
 * @throws {KernelError} what mkdirat(2) says, except that it is there already
 */
export function* makeDirectory(path: Buffer, made: Buffer[]): Routine<void> {
  try {
    yield* makeOne(path, made);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const parent = parentOf(path);
    if (error.errno !== -ENOENT || parent.length >= path.length) throw error;
    yield* makeDirectory(parent, made);
    // Once: a parent that is there and leads nowhere, such as a dangling link, stays ENOENT.
    yield* makeOne(path, made);
  }
}

function* makeOne(path: Buffer, made: Buffer[]): Routine<void> {
  try {
    yield* makeUsableDirectory(AT_FDCWD, path, 0o777);
    made.push(path);
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== -EEXIST) throw error;
  }
}

/** Removes what makeDirectory made, the innermost first; what has been filled in the meantime stays. */
export function* removeMade(made: readonly Buffer[]): Routine<void> {
  for (const path of made.toReversed()) {
    try {
      yield* call('unlinkat', AT_FDCWD, path, AT_REMOVEDIR);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }
}
