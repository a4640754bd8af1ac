// Puts a detached mount into the file tree, with the propagation that it is to have there.
import { explaining } from '../diagnosis/mount-failure.ts';
import { PROPAGATION_FLAGS } from '../format/attributes.ts';
import type { Propagation } from '../format/mount-spec.ts';
import { call } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_SYMLINKS,
} from '../kernel/constants.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Target } from './spec-paths.ts';

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
  const program = new Program();
  const how = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
  program.add('move_mount', 0, fd, '', AT_FDCWD, target.absolute, how);
  // After the attachment, since a shared parent makes what is attached to it shared (mount_namespaces(7)).
  const type = propagation === undefined ? 0 : PROPAGATION_FLAGS[propagation];
  const spread = type !== 0 && program.add('mount_setattr', MAY_FAIL, fd, '', AT_EMPTY_PATH, 0, 0, type, -1);
  yield* explaining(target, program.run());
  return spread === false || program.value(spread) === 0;
}

/** Sets the propagation of what is mounted there by mount(2). @throws {OverlayError} */
export function* spreadByPath(target: Target, propagation: Propagation): Routine<void> {
  yield* explaining(
    target,
    call('mount', 'none', target.absolute, null, PROPAGATION_FLAGS[propagation], null),
  );
}
