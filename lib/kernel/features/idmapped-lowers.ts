// Whether a lower may be an idmapped mount, tried with a clone of the scratch place's lower.
import { call, close } from '../call.ts';
import {
  AT_EMPTY_PATH,
  MOVE_MOUNT_F_EMPTY_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  procPath,
} from '../constants.ts';
import { KernelError } from '../kernel-error.ts';
import { Program } from '../program.ts';
import type { Routine } from '../routine.ts';
import { type FeatureAnswer, tried, unknown } from './answer.ts';
import { openUserNamespace } from './namespace-descriptor.ts';
import type { Place } from './place.ts';
import { addTrial } from './trial.ts';

// linux/mount.h
const MOUNT_ATTR_IDMAP = 0x0010_0000;

function* mountOver(place: Place, clone: number): Routine<string> {
  const program = new Program();
  if (place.form === 'attached') {
    // Only now: a mount that is attached takes no idmap any more.
    const point = place.fresh('clone');
    program.add('mkdirat', 0, place.fd, point, 0o700);
    program.add('move_mount', 0, clone, '', place.fd, point, MOVE_MOUNT_F_EMPTY_PATH);
  }
  addTrial(program, place, { lower: `${procPath(clone)}:${place.path}/bottom`, upper: false });
  yield* program.run();
  return 'an overlay over an idmapped lower can be mounted';
}

function* probeWith(place: Place, clone: number, userNamespace: number): Routine<FeatureAnswer> {
  try {
    yield* call('mount_setattr', clone, '', AT_EMPTY_PATH, MOUNT_ATTR_IDMAP, 0, 0, userNamespace);
  } catch (error) {
    // ENOSYS speaks of every filesystem, anything else perhaps only of tmpfs, which takes idmaps from Linux 6.3 on.
    if (!(error instanceof KernelError) || error.code === 'ENOSYS') throw error;
    return unknown(`the memory filesystem to try it on could not be idmapped: ${error.message}`);
  }
  return yield* tried(mountOver(place, clone), '5.19');
}

/** Source: mount_setattr(2), "ID-mapped mounts". */
export function* probeIdmappedLowers(place: Place): Routine<FeatureAnswer> {
  let clone = -1;
  let userNamespace: number | undefined;
  let answer: FeatureAnswer | undefined;
  const refused = yield* tried(
    (function* () {
      clone = yield* call('open_tree', place.fd, 'lower', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
      userNamespace = yield* openUserNamespace();
      if (userNamespace !== undefined) answer = yield* probeWith(place, clone, userNamespace);
      return '';
    })(),
    '5.19',
  );
  if (clone >= 0) close(clone);
  if (userNamespace !== undefined) close(userNamespace);
  if (refused.available === false) return refused;
  return answer ?? unknown('unshare --user --map-root-user gave no user namespace to map with');
}
