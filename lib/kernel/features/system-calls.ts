// Which of the younger mount system calls exist and are allowed, each found by calling it with arguments that change nothing.
import { AT_FDCWD, LSMT_ROOT, OPEN_TREE_CLOEXEC } from '../constants.ts';
import { ENOSYS, EPERM, errnoName } from '../errno.ts';
import { MAY_FAIL, Program } from '../program.ts';
import type { Routine } from '../routine.ts';
import { type FeatureAnswer, no, yes } from './answer.ts';
import type { Caller } from './caller.ts';

/** The first kernel with each call. Source: syscalls(2). */
const since = {
  fsopen: '5.2',
  fsconfig: '5.2',
  fsmount: '5.2',
  move_mount: '5.2',
  open_tree: '5.2',
  mount_setattr: '5.12',
  statmount: '6.8',
  listmount: '6.8',
} as const;

export type SystemCall = keyof typeof since;
export type SystemCalls = Readonly<Record<SystemCall, FeatureAnswer>>;

/** The calls without which there is no detached overlay. */
const mountApi: readonly SystemCall[] = ['fsopen', 'fsconfig', 'fsmount', 'move_mount', 'open_tree'];

const NO_DESCRIPTOR = -1;
const WRONG_FLAGS = 0x8000_0000;

/** Adds a call that does nothing: an existing, allowed one answers 0, EBADF, EINVAL or ENOENT. */
function addHarmless(program: Program, call: SystemCall): number {
  switch (call) {
    case 'fsopen':
      return program.add('fsopen', MAY_FAIL, 'tmpfs', WRONG_FLAGS);
    case 'fsconfig':
      return program.add('fsconfig_set_flag', MAY_FAIL, NO_DESCRIPTOR, 'none');
    case 'fsmount':
      return program.add('fsmount', MAY_FAIL, NO_DESCRIPTOR, 0, 0);
    case 'move_mount':
      return program.add('move_mount', MAY_FAIL, NO_DESCRIPTOR, '', NO_DESCRIPTOR, '', 0);
    case 'open_tree':
      return program.add('open_tree', MAY_FAIL, AT_FDCWD, '/', OPEN_TREE_CLOEXEC);
    case 'mount_setattr':
      return program.add('mount_setattr', MAY_FAIL, NO_DESCRIPTOR, '', 0, 0, 0, 0, NO_DESCRIPTOR);
    case 'statmount':
      return program.add('statmount', MAY_FAIL, 0n, 0, 64);
    case 'listmount':
      return program.add('listmount', MAY_FAIL, LSMT_ROOT, 0, 1);
  }
}

function answerFor(call: SystemCall, errno: number, caller: Caller): FeatureAnswer {
  const name = errnoName(errno);
  if (errno === ENOSYS) return no(`${call} answers ENOSYS`, `Use Linux ${since[call]} or later.`);
  if (errno !== EPERM)
    return yes(
      errno === 0 ? `${call} works` : `${call} exists: it answers ${name} to arguments that cannot work`,
    );
  if (caller.capSysAdmin)
    return no(
      `${call} answers EPERM although the process has CAP_SYS_ADMIN`,
      'Let the seccomp filter or security module of the container or service allow it.',
    );
  return no(
    `${call} answers EPERM and the process lacks CAP_SYS_ADMIN`,
    'Ask as root, or inside a user namespace of your own (unshare --user --map-root-user --mount).',
  );
}

/** Asks all of them in one job. */
export function* probeSystemCalls(caller: Caller): Routine<SystemCalls> {
  const program = new Program();
  const names = Object.keys(since) as SystemCall[];
  const steps = names.map((name) => addHarmless(program, name));
  yield* program.run();
  const answers = names.map((name, i) => [name, answerFor(name, -program.value(steps[i]!), caller)] as const);
  return Object.fromEntries(answers) as unknown as SystemCalls;
}

/** The new mount API as a whole: the first of its calls that is missing answers for all. */
export function mountApiAnswer(calls: SystemCalls): FeatureAnswer {
  const missing = mountApi.map((name) => calls[name]).find(({ available }) => available !== true);
  return missing ?? yes(`${mountApi.join(', ')} exist and are allowed`);
}
