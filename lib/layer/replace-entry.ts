// Puts a finished entry in the place of whatever has the name, at once: the name is never without the one or the other.
import { randomBytes } from 'node:crypto';
import { type Finding, OverlayError, shown } from '../format/overlay-error.ts';
import { call } from '../kernel/call.ts';
import {
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  STATX_ATTR_APPEND,
  STATX_ATTR_IMMUTABLE,
} from '../kernel/constants.ts';
import { EINVAL, EISDIR, ENOENT } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import type { Routine } from '../kernel/routine.ts';
import { type DirectoryScan, openScan, type ScannedEntry, scanEntry } from '../kernel/scan-directory.ts';
import type { GivenEntry } from './given-path.ts';

const NOTHING = { xattrs: [] } as const;

function isErrno(error: unknown, errno: number): boolean {
  return error instanceof KernelError && error.errno === -errno;
}

/** A name that nobody has, for what is not finished. */
export function temporaryName(): Buffer {
  return Buffer.from(`.overlayfs-${randomBytes(8).toString('hex')}`);
}

// Known before the removal is begun, so that it does not stop half-way.
function* obstacle(
  dir: number,
  { name, stat }: ScannedEntry,
  path: string,
  mount: bigint,
): Routine<Finding | undefined> {
  if (stat === undefined) return undefined;
  if (stat.mountId !== mount) {
    const sentence = `something is mounted at ${path}`;
    return { code: 'ERR_OVERLAY_BUSY', sentence, hint: 'unmount it first', path };
  }
  if ((stat.attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) !== 0) {
    const sentence = `${path} is immutable or append-only, so that it cannot be removed`;
    return { code: 'ERR_OVERLAY_IMMUTABLE', sentence, hint: 'take the flags away: chattr -ia', path };
  }
  return stat.isDirectory ? yield* obstacleIn(dir, name, path, mount) : undefined;
}

function* obstacleIn(dir: number, name: Buffer, path: string, mount: bigint): Routine<Finding | undefined> {
  let scan: DirectoryScan;
  try {
    scan = yield* openScan(dir, name, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, NOTHING);
  } catch (error) {
    // What cannot be looked into: the removal says so itself, if it fails.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
  try {
    for (let more = yield* scan.next(); more.length > 0; more = yield* scan.next()) {
      for (const entry of more) {
        const found = yield* obstacle(scan.fd, entry, `${path}/${shown(entry.name)}`, mount);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  } finally {
    scan.close();
  }
}

/**
 * Makes what is called `temporary` have the entry's name, in the same directory. What had it is removed, a directory with
 * all in it, unless there is a mount in it.
 *
 * @throws {OverlayError} ERR_OVERLAY_BUSY, ERR_OVERLAY_IMMUTABLE, ERR_OVERLAY_NO_EXCHANGE: the name has what it had;
 *   ERR_OVERLAY_REMAINS: it is replaced, and the rest of what it had is still there under the other name
 * @throws {KernelError} of renameat2(2): the name has what it had
 */
export function* replaceEntry(dir: number, temporary: Buffer, entry: GivenEntry): Routine<void> {
  try {
    return void (yield* call('renameat2', dir, temporary, dir, entry.name, 0));
  } catch (error) {
    if (!isErrno(error, EISDIR)) throw error;
  }
  yield* refuseObstacle(dir, entry);
  try {
    yield* call('renameat2', dir, temporary, dir, entry.name, RENAME_EXCHANGE);
  } catch (error) {
    if (!isErrno(error, EINVAL)) throw error;
    const sentence = `${entry.shown} is a directory, and its filesystem cannot exchange two names at once`;
    const hint = 'remove the directory first';
    throw new OverlayError([{ code: 'ERR_OVERLAY_NO_EXCHANGE', sentence, hint, path: entry.shown }], error);
  }
  yield* removeReplaced(dir, temporary, entry);
}

/** Removes the entry at once: what takes long to remove has another name by then. Nothing happens when it is not there. */
export function* removeEntry(dir: number, entry: GivenEntry): Routine<void> {
  try {
    return void (yield* call('unlinkat', dir, entry.name, 0));
  } catch (error) {
    if (isErrno(error, ENOENT)) return;
    if (!isErrno(error, EISDIR)) throw error;
  }
  yield* refuseObstacle(dir, entry);
  const aside = temporaryName();
  yield* call('renameat2', dir, entry.name, dir, aside, RENAME_NOREPLACE);
  yield* removeReplaced(dir, aside, entry);
}

function* refuseObstacle(dir: number, entry: GivenEntry): Routine<void> {
  const own = yield* scanEntry(dir, '', NOTHING);
  const itself = yield* scanEntry(dir, entry.name, NOTHING);
  const found = yield* obstacle(dir, itself, entry.shown, own.stat!.mountId);
  if (found !== undefined) throw new OverlayError([found]);
}

function* removeReplaced(dir: number, name: Buffer, { shown: path, parent }: GivenEntry): Routine<void> {
  try {
    yield* removeTree(dir, name);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const remains = `${parent.shown}/${shown(name)}`;
    const sentence = `${path} is gone from its place, and what it was could not be removed (${error.message}): the rest is at ${remains}`;
    const hint = `remove ${remains} by hand`;
    throw new OverlayError([{ code: 'ERR_OVERLAY_REMAINS', sentence, hint, path: remains }], error);
  }
}
