// In which namespace of extended attributes overlay's notes can be kept here: trusted, or user in a user namespace.
import { O_PATH } from '../constants.ts';
import { MAY_FAIL, Program } from '../program.ts';
import type { Routine } from '../routine.ts';
import type { Place } from './place.ts';
import type { KernelOption } from './trial.ts';

export interface Dialect {
  readonly prefix: 'trusted.overlay.' | 'user.overlay.';
  /** What a mount needs in order to use it. */
  readonly options: readonly KernelOption[];
}

/** Source: Documentation/filesystems/overlayfs.rst, "User xattr". */
export function* findDialect(place: Place): Routine<Dialect> {
  const program = new Program();
  const bottom = program.add('openat', 0, place.fd, 'bottom', O_PATH, 0);
  const set = program.add('setxattr', MAY_FAIL, bottom, 'trusted.overlay.probe', Buffer.from('y'), 0);
  program.add('removexattr', MAY_FAIL, bottom, 'trusted.overlay.probe');
  yield* program.run();
  return program.value(set) === 0
    ? { prefix: 'trusted.overlay.', options: [] }
    : { prefix: 'user.overlay.', options: [['userxattr']] };
}
