// unmount(): ends an overlay by its path, whoever made it, and refuses everything that is none.
import { explainUnmountFailure } from '../diagnosis/unmount-failure.ts';
import type { PathLike, UnmountOptions } from '../format/mount-spec.ts';
import type { OverlayDescription } from '../format/overlay-description.ts';
import { call } from '../kernel/call.ts';
import { MNT_DETACH, UMOUNT_NOFOLLOW } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { readOverlayTable } from '../kernel/mount-table.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { mountIdNumber } from '../kernel/stat.ts';
import { readUnmountOptions } from './end-mount.ts';
import { handleOf } from './overlay.ts';
import { overlayAt } from './overlay-at.ts';
import { wrongType } from './refuse.ts';
import { readTarget } from './spec-paths.ts';
import { noteEnded } from './volatile.ts';
import { removeWorkByPath } from './work-directory.ts';

// What the overlay consists of, when another process made it.
function* overlayOf(mountId: Buffer): Routine<OverlayDescription | undefined> {
  const id = mountIdNumber(mountId);
  const table = yield* readOverlayTable();
  return table.find((entry) => (entry.uniqueId ?? BigInt(entry.id)) === id)?.overlay;
}

function* unmountRoutine(path: unknown, options: unknown): Routine<void> {
  const target = readTarget(path) ?? wrongType('target', 'a path (string, Buffer or file: URL)', path);
  const lazy = readUnmountOptions(options);
  const found = yield* overlayAt(target);
  const handle = handleOf(found.mountId);
  if (handle !== undefined) return yield* handle.end({ lazy });
  const overlay = yield* overlayOf(found.mountId);
  try {
    yield* call('umount2', found.path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const failed = { path: target.path, target: found.path, mountId: found.mountId };
    throw yield* explainUnmountFailure(error, failed);
  }
  if (overlay === undefined) return;
  const { upper, work, options: inForce } = overlay;
  if (upper !== undefined && !lazy) yield* noteEnded({ option: 'upper', absolute: upper }, inForce);
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
