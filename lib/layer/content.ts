// Whether two files of layers, wherever they are, have the same bytes, and two links the same target.
import { OverlayError } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import { O_NONBLOCK, O_RDONLY, S_IFLNK, S_IFMT, S_IFREG } from '../kernel/constants.ts';
import type { Routine } from '../kernel/routine.ts';
import { sameBytes } from './compare-content.ts';
import { unreadable } from './finding.ts';
import { INSIDE, openPlace, type RealDirectory, reachPlace } from './layer.ts';
import type { RealEntry } from './real-entry.ts';

function* opened<T>(
  place: RealDirectory,
  open: Routine<number>,
  use: (fd: number) => Routine<T>,
): Routine<T> {
  let fd: number | undefined;
  try {
    fd = yield* open;
    return yield* use(fd);
  } catch (error) {
    // node:fs reads, the addon opens.
    throw error instanceof OverlayError ? error : unreadable(place, error);
  } finally {
    if (fd !== undefined) close(fd);
  }
}

/** Opens a regular file; should it have become a fifo meanwhile, nobody waits for its other end. */
function reading<T>(place: RealDirectory, use: (fd: number) => Routine<T>): Routine<T> {
  const flags = O_RDONLY | O_NONBLOCK;
  return opened(
    place,
    reachPlace(place, (dir, path) => call('openat2', dir, path, flags, 0, INSIDE)),
    use,
  );
}

function targetOf(link: RealDirectory): Routine<Buffer> {
  return opened(link, openPlace(link), (fd) => call('readlinkat', fd, ''));
}

/**
 * Compares two entries of one type, and of one size when they are files; what else there is has no content.
 *
 * @throws {OverlayError} when one cannot be read
 */
export function* sameContent(a: RealEntry, b: RealEntry): Routine<boolean> {
  switch (a.stat.mode & S_IFMT) {
    case S_IFREG:
      return yield* reading(a, (left) => reading(b, (right) => sameBytes(left, right)));
    case S_IFLNK:
      return (yield* targetOf(a)).equals(yield* targetOf(b));
    default:
      return true;
  }
}
