// Puts a detached mount into the file tree, with the propagation that it is to have there.
import { explaining } from '../diagnosis/explaining.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { placeOf, subjectText } from '../diagnosis/subject.ts';
import { PROPAGATION_FLAGS } from '../format/attributes.ts';
import type { Propagation } from '../format/mount-spec.ts';
import { call } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_SYMLINKS,
} from '../kernel/constants.ts';
import type { KernelError } from '../kernel/kernel-error.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { mountIdIn, STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import { readyToAttach } from './guarded.ts';
import type { Target } from './spec-paths.ts';

function* mountIdOf(fd: number, path: string | Uint8Array, flags: number): Routine<Buffer | undefined> {
  const program = new Program();
  const statx = program.add('statx', WANT | MAY_FAIL, fd, path, flags, STATX_BEST_MNT_ID);
  yield* program.run();
  const bytes = program.bytes(statx);
  return bytes && mountIdIn(bytes);
}

/** What is only so for what is attached: it can be its own target, and nothing is made for it. */
function* inAttaching(error: OverlayError, fd: number, target: Target): Routine<OverlayError> {
  const [first, ...rest] = error.findings;
  if (first!.code === 'ERR_OVERLAY_NOT_FOUND') {
    const hint = first!.hint.replace('create the directory, correct the path, or pass mkdir: true', MAKE);
    return new OverlayError([{ ...first!, hint }, ...rest], error.cause as KernelError);
  }
  if (first!.code !== 'ERR_OVERLAY_UNEXPLAINED') return error;
  const own = yield* mountIdOf(fd, '', AT_EMPTY_PATH);
  const its = yield* mountIdOf(AT_FDCWD, target.absolute, 0);
  if (own === undefined || its === undefined || !own.equals(its)) return error;
  const itself = {
    code: 'ERR_OVERLAY_FOREIGN_TARGET',
    sentence: `${subjectText(target)}: it lies in this overlay itself, which is attached nowhere yet`,
    hint: 'name a directory outside of it',
    ...placeOf(target),
  };
  return new OverlayError([itself], error.cause as KernelError);
}

const MAKE = 'create the directory, or correct the path';

/**
 * Attaches the mount of this descriptor. False when the propagation could not be set by the descriptor: before Linux 5.12.
 *
 * @throws {OverlayError} when it is not attached
 */
export function* attachMount(
  fd: number,
  target: Target,
  propagation: Propagation | undefined,
): Routine<boolean> {
  yield* readyToAttach(target);
  const program = new Program();
  const how = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
  program.add('move_mount', 0, fd, '', AT_FDCWD, target.absolute, how);
  // After the attachment, since a shared parent makes what is attached to it shared (mount_namespaces(7)).
  const type = propagation === undefined ? 0 : PROPAGATION_FLAGS[propagation];
  const spread = type !== 0 && program.add('mount_setattr', MAY_FAIL, fd, '', AT_EMPTY_PATH, 0, 0, type, -1);
  try {
    yield* explaining(target, program.run());
  } catch (error) {
    throw error instanceof OverlayError ? yield* inAttaching(error, fd, target) : error;
  }
  return spread === false || program.value(spread) === 0;
}

/** Sets the propagation of what is mounted there by mount(2). @throws {OverlayError} */
export function* spreadByPath(target: Target, propagation: Propagation): Routine<void> {
  yield* explaining(
    target,
    call('mount', 'none', target.absolute, null, PROPAGATION_FLAGS[propagation], null),
  );
}
