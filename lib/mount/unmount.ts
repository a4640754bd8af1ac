// unmount(): ends an overlay by its path, whoever made it, and refuses everything that is none.
import { explainDirectory } from '../diagnosis/directory.ts';
import { type Finding, OverlayError, shown } from '../diagnosis/overlay-error.ts';
import { explainUnmountFailure } from '../diagnosis/unmount-failure.ts';
import type { PathLike, UnmountOptions } from '../format/mount-spec.ts';
import { call } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  MNT_DETACH,
  O_DIRECTORY,
  O_PATH,
  OVERLAYFS_SUPER_MAGIC,
  procPath,
  STATX_ATTR_MOUNT_ROOT,
  STATX_MNT_ID,
  STATX_MNT_ID_UNIQUE,
  UMOUNT_NOFOLLOW,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { readOverlayTable } from '../kernel/mount-table.ts';
import { KEEP, Program, WANT } from '../kernel/program.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { decodeFileSystemStat, decodeStat, mountIdIn, mountIdNumber } from '../kernel/stat.ts';
import { readUnmountOptions } from './end-mount.ts';
import { handleOf } from './overlay.ts';
import { wrongType } from './refuse.ts';
import { readTarget, type Target } from './spec-paths.ts';
import { removeWorkByPath } from './work-directory.ts';

interface Found {
  /** Without symbolic links. */
  readonly path: Buffer;
  readonly mountId: Buffer;
  readonly isMountRoot: boolean;
  readonly isOverlay: boolean;
}

function* look(target: Target): Routine<Found> {
  const program = new Program();
  const dir = program.add('openat', 0, AT_FDCWD, target.absolute, O_PATH, 0);
  const mask = STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
  const statx = program.add('statx', WANT, dir, '', AT_EMPTY_PATH, mask);
  const statfs = program.add('fstatfs', WANT, dir);
  yield* program.run();
  const stat = program.bytes(statx)!;
  return {
    path: yield* realPath(target),
    mountId: mountIdIn(stat),
    isMountRoot: (decodeStat(stat).attributes & BigInt(STATX_ATTR_MOUNT_ROOT)) !== 0n,
    isOverlay: decodeFileSystemStat(program.bytes(statfs)!).type === OVERLAYFS_SUPER_MAGIC,
  };
}

// A program cannot name its own descriptors in a path, so this opens once more.
function* realPath(target: Target): Routine<Buffer> {
  const open = new Program();
  const dir = open.add('openat', KEEP, AT_FDCWD, target.absolute, O_PATH | O_DIRECTORY, 0);
  yield* open.run();
  const fd = open.value(dir);
  const read = new Program([fd]);
  const link = read.add('readlinkat', WANT, AT_FDCWD, procPath(fd));
  yield* read.run();
  return read.bytes(link)!;
}

function notMounted(target: Target, found: Found): OverlayError {
  const path = JSON.stringify(shown(target.path));
  const sentence = found.isMountRoot
    ? `target (${path}) is a mount point, but not of an overlay`
    : found.isOverlay
      ? `target (${path}) lies in an overlay, but is not its mount point`
      : `target (${path}) is no mount point`;
  const hint = 'list() names the overlays that are mounted';
  const finding: Finding = { code: 'ERR_OVERLAY_NOT_MOUNTED', sentence, hint, option: 'target' };
  return new OverlayError([{ ...finding, path: shown(target.path) }]);
}

function* lookAgain(target: Target, error: unknown): Routine<never> {
  if (!(error instanceof KernelError)) throw error;
  const finding = yield* explainDirectory(target, target.absolute);
  const fallback: Finding = {
    code: 'ERR_OVERLAY_UNEXPLAINED',
    sentence: `target (${JSON.stringify(shown(target.path))}) cannot be looked at: ${error.message}`,
    hint: 'see the failed call for what the kernel refused',
    option: 'target',
    path: shown(target.path),
  };
  throw new OverlayError(
    [finding === undefined ? fallback : { ...finding, hint: 'correct the path' }],
    error,
  );
}

// The work directory that mount() made for the overlay, when another process did that.
function* workOf(mountId: Buffer): Routine<Buffer | undefined> {
  const id = mountIdNumber(mountId);
  const table = yield* readOverlayTable();
  return table.find((entry) => (entry.uniqueId ?? BigInt(entry.id)) === id)?.overlay.work;
}

function* unmountRoutine(path: unknown, options: unknown): Routine<void> {
  const target = readTarget(path) ?? wrongType('target', 'a path (string, Buffer or file: URL)', path);
  const lazy = readUnmountOptions(options);
  let found: Found;
  try {
    found = yield* look(target);
  } catch (error) {
    return yield* lookAgain(target, error);
  }
  if (!found.isMountRoot || !found.isOverlay) throw notMounted(target, found);
  const handle = handleOf(found.mountId);
  if (handle !== undefined) return yield* handle.end({ lazy });
  const work = yield* workOf(found.mountId);
  try {
    yield* call('umount2', found.path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const failed = { path: target.path, target: found.path, mountId: found.mountId };
    throw yield* explainUnmountFailure(error, failed);
  }
  if (work !== undefined) yield* removeWorkByPath(work);
}

/**
 * Unmounts the overlay at `target`, and removes the work directory if mount() made it. Source: umount(2).
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_MOUNTED for what is no overlay mount point, ERR_OVERLAY_BUSY with who keeps it
 */
export async function unmount(target: PathLike, options?: UnmountOptions): Promise<void> {
  await runAsync(unmountRoutine(target, options));
}

/** {@link unmount} without a promise. */
export function unmountSync(target: PathLike, options?: UnmountOptions): void {
  runSync(unmountRoutine(target, options));
}
