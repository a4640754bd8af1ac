// The second lower that the kernel wants when a view has only one: an empty directory that nobody can fill.
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MNT_DETACH,
  MOUNT_ATTR_RDONLY,
  MS_BIND,
  MS_RDONLY,
  MS_REMOUNT,
  O_DIRECTORY,
  O_PATH,
} from '../kernel/constants.ts';
import { KEEP, Program } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';
import type { MountRequest } from './spec.ts';

/** Its name in mount tables: it tells the reader what it is, and `list()` leaves it out. */
export const EMPTY_LOWER_NAME = 'overlayfs-empty-lower';

// On a tmpfs that is attached nowhere, and on one that mkdtemp made the place for; a lower of the user's may be named alike.
const SHOWN = new RegExp(`^/${EMPTY_LOWER_NAME}$|/${EMPTY_LOWER_NAME}-[A-Za-z0-9]{6}/${EMPTY_LOWER_NAME}$`);

/** Whether the last of a view's lowers, as the mount table shows them, is our empty directory. */
export function endsInEmptyLower(lower: readonly Uint8Array[]): boolean {
  return lower.length === 2 && SHOWN.test(Buffer.from(lower[1]!).toString('latin1'));
}

/** The kernel counts data layers too, and an upper makes one lower enough. */
export function needsEmptyLower({ lower, data, upper }: MountRequest): boolean {
  return lower.length === 1 && upper === undefined && data.length === 0;
}

let directory: number | undefined;

/**
 * A descriptor of the empty directory, on a read-only tmpfs that is mounted nowhere; made once a thread and kept, since
 * a tmpfs costs more than the whole view.
 *
 * @throws {KernelError} where the kernel has no fsopen(2) or the caller may not mount
 */
export function* emptyLowerDescriptor(): Routine<number> {
  if (directory !== undefined) return directory;
  const program = new Program();
  const context = program.add('fsopen', 0, 'tmpfs', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'size', '4k');
  program.add('fsconfig_create', 0, context);
  // Kept, since the tmpfs goes with the descriptor of its mount, whatever is open below.
  const mount = program.add('fsmount', KEEP, context, FSMOUNT_CLOEXEC, 0);
  program.add('mkdirat', 0, mount, EMPTY_LOWER_NAME, 0o755);
  program.add('mount_setattr', 0, mount, '', AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
  const dir = program.add('openat', KEEP, mount, EMPTY_LOWER_NAME, O_PATH | O_DIRECTORY, 0);
  yield* program.run();
  // Many promises may have found none at the same time: the first to have made one wins.
  if (directory === undefined) directory = program.value(dir);
  else for (const step of [dir, mount]) close(program.value(step));
  return directory;
}

/** The same when it has been made already. */
export function emptyLowerIfMade(): number | undefined {
  return directory;
}

/** The empty directory by a name, for the moment of mounting. */
export interface NamedEmptyLower {
  readonly path: string;
  /** Where its tmpfs is mounted. */
  readonly place: string;
}

/**
 * For the old mount API: on a tmpfs that is mounted for a moment. A directory that is merely removed after the mount would
 * be a dead one, which ends every listing of the overlay's root.
 *
 * @throws {KernelError} where the caller may not mount
 */
export function* emptyLowerDirectory(): Routine<NamedEmptyLower> {
  const prefix = join(tmpdir(), `${EMPTY_LOWER_NAME}-`);
  const place = yield* wait({ now: () => mkdtempSync(prefix), later: () => mkdtemp(prefix) });
  const path = `${place}/${EMPTY_LOWER_NAME}`;
  try {
    yield* call('mount', 'tmpfs', place, 'tmpfs', 0, 'size=4k,mode=755');
  } catch (error) {
    yield* removeEmptyDirectory(place);
    throw error;
  }
  try {
    const program = new Program();
    program.add('mkdirat', 0, AT_FDCWD, path, 0o755);
    program.add('mount', 0, 'none', place, null, MS_REMOUNT | MS_BIND | MS_RDONLY, null);
    yield* program.run();
    return { path, place };
  } catch (error) {
    yield* removeEmptyLower({ path, place });
    throw error;
  }
}

/** Takes its names away again. An overlay that was mounted meanwhile keeps the directory itself. */
export function* removeEmptyLower({ place }: NamedEmptyLower): Routine<void> {
  yield* call('umount2', place, MNT_DETACH);
  yield* removeEmptyDirectory(place);
}

/** Removes a directory that is nothing but a place. Where a mount still stands on it, that has been told of. */
export function* removeEmptyDirectory(path: string): Routine<void> {
  try {
    yield* wait({ now: () => rmdirSync(path), later: () => rmdir(path) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
}
