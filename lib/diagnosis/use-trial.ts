// Trials that tell whether a directory is in use: overlays that live for a moment, or that no driver makes.
import {
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  procPath,
  STATX_INO,
} from '../kernel/constants.ts';
import { EBUSY } from '../kernel/errno.ts';
import { Program } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';

/**
 * Whether one of the directories, or one above it in its filesystem, is in use: an overlay that has them as lowers is made
 * for a moment, with upper and work on a tmpfs of its own, and with an index, so that the driver refuses it then. It makes
 * nothing in them, marks none of them, and writes no line into the kernel log when all are free. Half a millisecond for 25.
 *
 * Undefined where no such overlay can be made: two of them overlap, one is no lower or has no file handles; before Linux 6.15,
 * and in a user namespace, for all.
 */
export function* anyInUse(directories: readonly number[]): Routine<boolean | undefined> {
  const program = new Program();
  const tmpfs = program.add('fsopen', 0, 'tmpfs', FSOPEN_CLOEXEC);
  program.add('fsconfig_create', 0, tmpfs);
  const root = program.add('fsmount', 0, tmpfs, FSMOUNT_CLOEXEC, 0);
  const [upper, work, lower] = ['u', 'w', 'l'].map((name) => {
    program.add('mkdirat', 0, root, name, 0o700);
    return program.add('openat', 0, root, name, O_PATH | O_DIRECTORY, 0);
  });
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'index', 'on');
  for (const fd of [...directories, lower!]) program.add('fsconfig_set_fd', 0, context, 'lowerdir+', fd);
  program.add('fsconfig_set_fd', 0, context, 'upperdir', upper!);
  program.add('fsconfig_set_fd', 0, context, 'workdir', work!);
  const create = program.steps;
  program.add('fsconfig_create', 0, context);
  // The driver may have dropped the index, and looked at nothing then.
  program.add('statx', 0, work!, 'index', 0, STATX_INO);
  const failure = yield* program.refusal();
  if (failure === undefined) return false;
  return failure.step === create && failure.errno === -EBUSY ? true : undefined;
}

const PAUSES_MS: readonly number[] = [1, 2, 4, 8];

function* pause(ms: number): Routine<void> {
  yield* wait({
    now: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
    later: () => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  });
}

/**
 * Asks again for a moment while the answer is yes: who asks by {@link markOnce} marks the directory as long as that takes, a
 * mount that fails does, and one that has ended may be let go of a little later.
 */
export function* patiently(ask: () => Routine<boolean | undefined>): Routine<boolean | undefined> {
  let answer = yield* ask();
  for (const ms of PAUSES_MS) {
    if (answer !== true) break;
    yield* pause(ms);
    answer = yield* ask();
  }
  return answer;
}

/**
 * The same of one directory and of none above it, where the above cannot be asked: as upper and work in one. With an index
 * the driver looks for other users before it notices that, which it refuses before it has made anything, and writes a line
 * into the kernel log. Costs a millisecond or more. Undefined when the answer is neither yes nor no.
 */
export function* markOnce(directory: number): Routine<boolean | undefined> {
  const program = new Program();
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'index', 'on');
  for (const key of ['lowerdir', 'upperdir', 'workdir']) {
    program.add('fsconfig_set_string', 0, context, key, procPath(directory));
  }
  const create = program.steps;
  program.add('fsconfig_create', 0, context);
  const failure = yield* program.refusal();
  return failure?.step === create ? failure.errno === -EBUSY : undefined;
}

/**
 * Whether the answer "busy" means anything here: a filter, or a driver of its own kind, may give it to everything. A view
 * of one lower is refused by every driver, and never as busy.
 */
export function* asksHonestly(): Routine<boolean> {
  if ((yield* anyInUse([])) === false) return true;
  const program = new Program();
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'lowerdir', '/');
  program.add('fsconfig_create', 0, context);
  return (yield* program.refusal())?.errno !== -EBUSY;
}
