// What else the root of a throw-away overlay has of the first lower's root: ACLs and other attributes.
import { parseOverlayXattr } from '../format/overlay-xattr.ts';
import { close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../kernel/constants.ts';
import { KEEP, MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import type { Layer } from './spec-paths.ts';

const DIRECTORY = O_PATH | O_DIRECTORY;

// What a security module says of a directory is not ours to give to another.
const isOwn = (name: string) => name.startsWith('security.') || parseOverlayXattr(name) !== undefined;

/** Gives them to an upper's root. What its filesystem does not keep, or this user may not set, is left out. */
export function* copyRootXattrs(first: Layer, upper: number): Routine<void> {
  let { fd } = first;
  if (fd === undefined) {
    const open = new Program();
    const step = open.add('openat', KEEP, AT_FDCWD, first.absolute!, DIRECTORY, 0);
    yield* open.run();
    fd = open.value(step);
  }
  try {
    const { xattrs } = yield* scanEntry(fd, '', { xattrs: [''] });
    const program = new Program();
    for (const [name, value] of xattrs)
      if (!isOwn(name)) program.add('setxattr', MAY_FAIL, upper, Buffer.from(name, 'latin1'), value, 0);
    if (program.steps > 0) yield* program.run();
  } finally {
    if (fd !== first.fd) close(fd);
  }
}
