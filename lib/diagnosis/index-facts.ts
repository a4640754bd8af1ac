// Whose an index entry is: which directory of the upper the index of the work directory has for one of the lower layers.
import { decodeOrigin } from '../format/origin.ts';
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../kernel/constants.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Directory } from './subject.ts';

/**
 * The inode of the upper directory that the index has for this origin; undefined when it has none, or a handle that does not
 * name an inode.
 *
 * @param origin the value of the attribute `overlay.origin`, in which the name of the index entry lies
 */
export function* indexedInode(
  work: Directory,
  origin: Uint8Array,
  dialect: 'trusted' | 'user',
): Routine<bigint | undefined> {
  const program = new Program();
  const dir = program.add(
    'openat',
    MAY_FAIL,
    work.fd ?? AT_FDCWD,
    work.absolute ?? '.',
    O_PATH | O_DIRECTORY,
    0,
  );
  const name = `index/${Buffer.from(origin).toString('hex')}`;
  const how = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const entry = program.add('openat2', MAY_FAIL, dir, name, O_PATH | O_NOFOLLOW, 0, how);
  const upper = program.add('getxattr', WANT | MAY_FAIL, entry, `${dialect}.overlay.upper`);
  yield* program.run();
  const value = program.bytes(upper);
  return value && decodeOrigin(value)?.inode;
}
