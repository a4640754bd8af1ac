// What one layer has at one place, and the overlay's notes on it.
import { whiteoutForm } from '../format/marks.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { type OverlayNote, overlayPrefix } from '../format/overlay-xattr.ts';
import { close } from '../kernel/call.ts';
import { O_DIRECTORY, S_IFMT, S_IFREG, STATX_ATTR_MOUNT_ROOT } from '../kernel/constants.ts';
import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EXDEV, errnoName } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { type EntryStat, type ScannedEntry, scanEntry } from '../kernel/scan-directory.ts';
import { mountInLayer, unreadable } from './finding.ts';
import { type Layer, openPlace, placeIn, type RealDirectory } from './layer.ts';

export interface RealEntry extends RealDirectory {
  readonly stat: EntryStat;
  /** All that this user sees, by their names in the layer. */
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** Some attributes could not be read. */
  readonly problem: OverlayError | undefined;
}

/** Finds a name in a directory of a layer; undefined when nothing is there. Throws OverlayError. */
export type Look = (dir: RealDirectory, name: string) => Routine<RealEntry | undefined>;

/** All attributes are asked for: the merged view shows all but a few. */
export const ALL_XATTRS = { xattrs: [''] } as const;

/** The overlay's own note on an entry, in the dialect that counts. */
export function noteOn({ layer, xattrs }: RealEntry, note: OverlayNote): Buffer | undefined {
  return xattrs.size === 0 ? undefined : xattrs.get(overlayPrefix(layer.dialect) + note);
}

export function isRegular({ stat }: RealEntry): boolean {
  return (stat.mode & S_IFMT) === S_IFREG;
}

/** In which form the entry says that its name is deleted. */
export function whiteoutOf(entry: RealEntry): 'device' | 'xattr' | undefined {
  const { stat } = entry;
  return whiteoutForm({
    mode: stat.mode,
    rdev: { major: stat.rdevMajor, minor: stat.rdevMinor },
    size: stat.size,
    marked: noteOn(entry, 'whiteout') !== undefined,
  });
}

export function isErrno(error: unknown, ...numbers: readonly number[]): boolean {
  return error instanceof KernelError && numbers.includes(-error.errno);
}

/**
 * A scanned entry as one of a layer; undefined when it is not there any more.
 *
 * @throws {OverlayError} when nothing is known of it
 */
export function realEntry(layer: Layer, place: string, scanned: ScannedEntry): RealEntry | undefined {
  const { stat, xattrs, error } = scanned;
  const where = { layer, place };
  if (error !== undefined) {
    // What the kernel, too, takes for absent.
    if (stat === undefined && (error.errno === ENOENT || error.errno === ENAMETOOLONG)) return undefined;
    const cause = new Error(`${error.syscall}: ${errnoName(error.errno)}`);
    if (stat === undefined) throw unreadable(where, cause);
    return { ...where, stat, xattrs, problem: unreadable(where, cause, 'show all its attributes') };
  }
  const isMountRoot = (stat.attributes & STATX_ATTR_MOUNT_ROOT) !== 0;
  if (isMountRoot && stat.mountId !== layer.mountId) throw mountInLayer(where);
  return { layer, place, stat, xattrs, problem: undefined };
}

/** What is under a name: nothing (undefined), or an entry, or an error when nothing is known of it. */
export type Found = RealEntry | OverlayError | undefined;

/** An entry of a scan, or the error that it gives when it is looked up. */
export function found({ layer, place }: RealDirectory, name: string, scanned: ScannedEntry): Found {
  try {
    return realEntry(layer, placeIn(place, name), scanned);
  } catch (error) {
    if (error instanceof OverlayError) return error;
    throw error;
  }
}

/** What a look at it gives or throws. */
export function given(found: Found): RealEntry | undefined {
  if (found instanceof OverlayError) throw found;
  return found;
}

/** The error for a directory of a layer that cannot be opened; undefined when it is gone. */
export function notOpened(dir: RealDirectory, error: unknown): OverlayError | undefined {
  if (isErrno(error, ENOENT, ENOTDIR, ELOOP)) return undefined;
  if (isErrno(error, EXDEV)) return mountInLayer(dir);
  if (error instanceof KernelError)
    return unreadable(dir, error, isErrno(error, EACCES) ? 'be searched' : 'be read');
  throw error;
}

/** Looks at one name, by descriptors that open nothing. */
export const lookAt: Look = function* ({ layer, place }, name) {
  const dir = { layer, place };
  let fd: number;
  try {
    fd = yield* openPlace(dir, O_DIRECTORY);
  } catch (error) {
    const problem = notOpened(dir, error);
    if (problem !== undefined) throw problem;
    return undefined;
  }
  try {
    const scanned = yield* scanEntry(fd, Buffer.from(name, 'latin1'), ALL_XATTRS);
    return realEntry(layer, placeIn(place, name), scanned);
  } finally {
    close(fd);
  }
};
