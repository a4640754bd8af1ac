// Where a path stops at a symbolic link that is not followed to an end: a circle, too many, or a mount that follows none.
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, STATX_TYPE } from '../kernel/constants.ts';
import { ELOOP } from '../kernel/errno.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { namesOf, placeOfNames } from './layer-entries.ts';

/** The path up to the name of that link; undefined when all are followed. @param path absolute */
export function* stuckLink(path: Buffer): Routine<Buffer | undefined> {
  const names = namesOf(path);
  const program = new Program();
  const steps = names.map((_, i) => {
    const prefix = Buffer.concat([Buffer.from('/'), placeOfNames(names.slice(0, i + 1))]);
    const look = (flags: number) => program.add('statx', MAY_FAIL, AT_FDCWD, prefix, flags, STATX_TYPE);
    return { prefix, followed: look(0), itself: look(AT_SYMLINK_NOFOLLOW) };
  });
  if (names.length > 0) yield* program.run();
  return steps.find(
    ({ followed, itself }) => program.value(followed) === -ELOOP && program.value(itself) === 0,
  )?.prefix;
}
