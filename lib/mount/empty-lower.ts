// The second lower that the kernel wants when a view has only one: an empty directory that nobody can fill.
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AT_EMPTY_PATH, FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC, O_DIRECTORY, O_PATH } from '../kernel/constants.ts';
import { KEEP, Program } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';
import type { MountRequest } from './spec.ts';

/** Its name in mount tables: it tells the reader what it is, and `list()` leaves it out. */
export const EMPTY_LOWER_NAME = 'overlayfs-empty-lower';

const MOUNT_ATTR_RDONLY = 1;

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
  directory = program.value(dir);
  return directory;
}

/** For the old mount API: a directory for the moment of mounting. The overlay keeps it when its name is gone. */
export function* emptyLowerDirectory(): Routine<string> {
  const prefix = join(tmpdir(), `${EMPTY_LOWER_NAME}-`);
  return yield* wait({ now: () => mkdtempSync(prefix), later: () => mkdtemp(prefix) });
}

/** Takes the name away again; only ever an empty directory. */
export function* removeEmptyDirectory(path: string): Routine<void> {
  yield* wait({ now: () => rmdirSync(path), later: () => rmdir(path) });
}
