// The overlay whose mount point a path is, or an error that says what the path is instead.
import { explainDirectory } from '../diagnosis/directory.ts';
import { type Finding, OverlayError, shown } from '../diagnosis/overlay-error.ts';
import { close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  OVERLAYFS_SUPER_MAGIC,
  STATX_ATTR_MOUNT_ROOT,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { pathOf } from '../kernel/path-of.ts';
import { KEEP, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeFileSystemStat, decodeStat, mountIdIn, STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import type { Target } from './spec-paths.ts';

/** An overlay mount that was found at a path. */
export interface Found {
  /** Without symbolic links. */
  readonly path: Buffer;
  readonly mountId: Buffer;
  readonly isMountRoot: boolean;
  readonly isOverlay: boolean;
}

function* look(target: Target): Routine<Found> {
  const program = new Program();
  const dir = program.add('openat', 0, AT_FDCWD, target.absolute, O_PATH, 0);
  const mask = STATX_BEST_MNT_ID;
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
  try {
    return yield* pathOf(fd, target.absolute);
  } finally {
    close(fd);
  }
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

/** @throws {OverlayError} ERR_OVERLAY_NOT_MOUNTED for what is no overlay mount point, and what is wrong with the path */
export function* overlayAt(target: Target): Routine<Found> {
  let found: Found;
  try {
    found = yield* look(target);
  } catch (error) {
    return yield* lookAgain(target, error);
  }
  if (!found.isMountRoot || !found.isOverlay) throw notMounted(target, found);
  return found;
}
