// A directory of a layer, open, with what its own attributes say.
import { decodeOpaque, type Opaque } from '../format/marks.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { type Dialect, overlayPrefix } from '../format/overlay-xattr.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  STATX_ATTR_APPEND,
  STATX_ATTR_IMMUTABLE,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { reach } from '../kernel/reach.ts';
import type { Routine } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import type { GivenPath } from './given-path.ts';
import { pathFailure } from './path-failure.ts';
import { requireProc } from './require-proc.ts';

export interface LayerDirectory {
  /** As O_PATH. */
  readonly fd: number;
  readonly path: GivenPath;
  readonly dialect: Dialect;
  readonly opaque: Opaque | undefined;
  /** The attribute `opaque` as it is, whatever it says. */
  readonly opaqueValue: Buffer | undefined;
}

/** The full name of the attribute. */
export function markName(dialect: Dialect, note: 'opaque' | 'whiteout'): string {
  return overlayPrefix(dialect) + note;
}

/**
 * Opens the directory, lends it to `use`, and closes it. Links on the way are followed, since it is the caller's way;
 * one at its end is, unless `followed` is false.
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_FOUND, ERR_OVERLAY_NOT_DIRECTORY, ERR_OVERLAY_SYMLINK_LOOP, ERR_OVERLAY_NO_ACCESS
 */
export function* withLayerDirectory<T>(
  path: GivenPath,
  dialect: Dialect,
  followed: boolean,
  use: (directory: LayerDirectory) => Routine<T>,
): Routine<T> {
  requireProc();
  const flags = O_PATH | O_DIRECTORY | (followed ? 0 : O_NOFOLLOW);
  let fd: number;
  try {
    fd = yield* reach(AT_FDCWD, path.bytes, 0, (dir, rest) => call('openat', dir, rest, flags, 0));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    // With both flags, Linux says ENOTDIR of a link.
    throw pathFailure(error, path.shown);
  }
  try {
    const own = yield* scanEntry(fd, '', { xattrs: [markName(dialect, 'opaque')] });
    const opaqueValue = own.xattrs.get(markName(dialect, 'opaque'));
    return yield* use({ fd, path, dialect, opaque: decodeOpaque(opaqueValue), opaqueValue });
  } finally {
    close(fd);
  }
}

/** The error for a directory that may not be changed, or undefined when it may. */
export function* immutability({ fd, path }: LayerDirectory): Routine<OverlayError | undefined> {
  const { stat } = yield* scanEntry(fd, '', { xattrs: [] });
  if (((stat?.attributes ?? 0) & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) === 0) return undefined;
  return new OverlayError([
    {
      code: 'ERR_OVERLAY_IMMUTABLE',
      sentence: `${path.shown} is immutable or append-only`,
      hint: 'take the flags away: chattr -ia',
      path: path.shown,
    },
  ]);
}

/** What was refused when an attribute of overlay's own was set. */
export function markFailure(error: KernelError, path: string, dialect: Dialect): OverlayError {
  if (error.code !== 'EPERM' || dialect !== 'trusted') return pathFailure(error, path);
  return new OverlayError(
    [
      {
        code: 'ERR_OVERLAY_NEEDS_TRUSTED',
        sentence: `this process may not set trusted.overlay.* at ${path}: that takes CAP_SYS_ADMIN in the initial user namespace`,
        hint: 'run as root, or use userxattr: true for a layer that is mounted with userxattr',
        path,
      },
    ],
    error,
  );
}
