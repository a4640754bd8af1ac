// What lies where the driver will look for its index, and cannot be one.
import { decodeOrigin } from '../format/origin.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  STATX_ATTR_APPEND,
  STATX_ATTR_IMMUTABLE,
  STATX_BASIC_STATS,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { allNames } from '../kernel/names.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
import type { Directory } from './subject.ts';

export interface IndexContent {
  /** The entry `index` is there, and no directory. */
  readonly noDirectory: boolean;
  /** The first entry whose name is none of an index. */
  readonly foreign: string | undefined;
  /** Immutable or append-only, without the notes that the driver would set. */
  readonly fixed: boolean;
}

export const NO_INDEX: IndexContent = { noDirectory: false, foreign: undefined, fixed: false };

const FIXED = BigInt(STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND);

// Entries are named by a file handle in hexadecimal; those of temporary files begin with #, and others with a point are
// passed over (ovl_indexdir_cleanup).
function isOfIndex(name: string): boolean {
  if (name.startsWith('#') || name.startsWith('.')) return true;
  return /^(?:[0-9a-f]{2})+$/i.test(name) && decodeOrigin(Buffer.from(name, 'hex')) !== undefined;
}

function* foreignIn(dir: number): Routine<string | undefined> {
  try {
    const fd = yield* call('openat', dir, 'index', O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    try {
      return (yield* allNames(fd)).map((name) => name.toString()).find((name) => !isOfIndex(name));
    } finally {
      close(fd);
    }
  } catch (error) {
    // There is none, or it cannot be looked into.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

export function* lookAtIndexContent(
  { fd, absolute }: Directory,
  dialect: 'trusted' | 'user',
): Routine<IndexContent> {
  let dir: number;
  try {
    dir = yield* call('openat', fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
  } catch (error) {
    if (error instanceof KernelError) return NO_INDEX;
    throw error;
  }
  try {
    const program = new Program();
    const index = program.add('openat', MAY_FAIL, dir, 'index', O_PATH | O_NOFOLLOW, 0);
    const statx = program.add('statx', WANT | MAY_FAIL, index, '', AT_EMPTY_PATH, STATX_BASIC_STATS);
    const noted = program.add('getxattr', MAY_FAIL, index, `${dialect}.overlay.upper`);
    yield* program.run();
    const bytes = program.bytes(statx);
    if (bytes === undefined) return NO_INDEX;
    const { isDirectory, attributes } = decodeStat(bytes);
    return {
      noDirectory: !isDirectory,
      foreign: isDirectory ? yield* foreignIn(dir) : undefined,
      fixed: (attributes & FIXED) !== 0n && program.value(noted) < 0,
    };
  } finally {
    close(dir);
  }
}
