// remount(): changes the attributes of an overlay mount; the layers and options of an overlay are fixed when it is made.
import { explainUnmountFailure } from '../diagnosis/unmount-failure.ts';
import {
  attributesToFsmountBits,
  attributesToMsFlags,
  checkAttributes,
  MOUNT_ATTR__ATIME,
} from '../format/attributes.ts';
import { copyOf } from '../format/given.ts';
import type { MountAttributes, PathLike } from '../format/mount-spec.ts';
import { call } from '../kernel/call.ts';
import { AT_FDCWD, MS_BIND, MS_REMOUNT } from '../kernel/constants.ts';
import { ENOSYS } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { readOverlayTable } from '../kernel/mount-table.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { mountIdNumber } from '../kernel/stat.ts';
import { type Found, overlayAt } from './overlay-at.ts';
import { wrongType } from './refuse.ts';
import { refuseProblem } from './spec-options.ts';
import { readTarget } from './spec-paths.ts';

const ATIME_MODES = ['noatime', 'relatime', 'strictatime'] as const;

function changesAtime(attributes: MountAttributes): boolean {
  return ATIME_MODES.some((name) => attributes[name] === true);
}

/** What to set and what to clear; an access-time mode replaces the one that was. Source: mount_setattr(2). */
function bitsOf(attributes: MountAttributes): { set: number; clear: number } {
  const off = Object.entries(attributes).filter(([, value]) => value === false);
  const cleared = attributesToFsmountBits(Object.fromEntries(off.map(([name]) => [name, true])));
  const atime = changesAtime(attributes) ? MOUNT_ATTR__ATIME : 0;
  return { set: attributesToFsmountBits(attributes), clear: (cleared & ~MOUNT_ATTR__ATIME) | atime };
}

// mount(2) replaces all flags: what the mount has now is needed too.
function* remountByFlags(found: Found, attributes: MountAttributes): Routine<void> {
  const id = mountIdNumber(found.mountId);
  const table = yield* readOverlayTable();
  const entry = table.find((row) => (row.uniqueId ?? BigInt(row.id)) === id);
  const now: Record<string, boolean> = { ...entry?.attributes };
  if (changesAtime(attributes)) for (const name of ATIME_MODES) delete now[name];
  const flags = attributesToMsFlags({ ...now, ...attributes }) | MS_REMOUNT | MS_BIND;
  yield* call('mount', 'none', found.path, null, flags, null);
}

function* setAttributes(found: Found, attributes: MountAttributes): Routine<void> {
  const { set, clear } = bitsOf(attributes);
  try {
    yield* call('mount_setattr', AT_FDCWD, found.path, 0, set, clear, 0, -1);
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== -ENOSYS) throw error;
    yield* remountByFlags(found, attributes);
  }
}

function* remountRoutine(path: unknown, given: unknown): Routine<void> {
  const target = readTarget(path) ?? wrongType('target', 'a path (string, Buffer or file: URL)', path);
  const attributes = copyOf(given, 'attributes') as MountAttributes;
  refuseProblem(checkAttributes(attributes));
  const found = yield* overlayAt(target);
  try {
    yield* setAttributes(found, attributes);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const failed = {
      path: target.path,
      target: found.path,
      mountId: found.mountId,
      attempt: 'remount',
    } as const;
    throw yield* explainUnmountFailure(error, failed);
  }
}

/**
 * Sets the attributes that are `true`, clears those that are `false`, and leaves the others. Source: mount_setattr(2).
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_MOUNTED; ERR_OVERLAY_BUSY for `readOnly` while a file is open for writing
 */
export async function remount(target: PathLike, attributes: MountAttributes): Promise<void> {
  await runAsync(remountRoutine(target, attributes));
}

/** {@link remount} without a promise. */
export function remountSync(target: PathLike, attributes: MountAttributes): void {
  runSync(remountRoutine(target, attributes));
}
