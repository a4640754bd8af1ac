// The bytes of a path that an error of node:fs shows as text, where bytes that are no UTF-8 have become U+FFFD.
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { allNames } from '../kernel/names.ts';
import type { Routine } from '../kernel/routine.ts';

const LOST = '\ufffd';
const SLASH = Buffer.from('/');

function* namesIn(directory: Buffer): Routine<Buffer[]> {
  try {
    const fd = yield* call('openat', AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
    try {
      return yield* allNames(fd);
    } finally {
      close(fd);
    }
  } catch (error) {
    if (error instanceof KernelError) return [];
    throw error;
  }
}

/**
 * The path, each name in it that lost bytes replaced by the one name of its directory that looks like it; a name stays
 * when none does, or several do.
 *
 * @param path absolute
 */
export function* restorePath(path: Buffer): Routine<Buffer> {
  const text = path.toString();
  if (!text.includes(LOST)) return path;
  let restored = Buffer.alloc(0);
  for (const name of text.split('/').filter((part) => part !== '')) {
    const alike = name.includes(LOST)
      ? (yield* namesIn(Buffer.concat([restored, SLASH]))).filter((entry) => entry.toString() === name)
      : [];
    const [only] = alike;
    const bytes = only !== undefined && alike.length === 1 ? only : Buffer.from(name);
    restored = Buffer.concat([restored, SLASH, bytes]);
  }
  return restored;
}
