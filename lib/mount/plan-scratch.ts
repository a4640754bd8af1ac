// A throw-away overlay as one program: a tmpfs that is mounted nowhere, upper and work on it, and the overlay over them.
import {
  AT_FDCWD,
  CLONE_NEWNS,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MS_PRIVATE,
  MS_REC,
  O_DIRECTORY,
  O_RDONLY,
} from '../kernel/constants.ts';
import { KEEP } from '../kernel/program.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import { refuseLong } from './compat.ts';
import { Plan } from './plan.ts';
import { planFsopen } from './plan-fsopen.ts';
import { addGuards, type SeenUppers } from './plan-guards.ts';
import { MOUNT_DATA_LIMIT, mountData, planMount } from './plan-mount.ts';
import { addUpperAndWork } from './root-attributes.ts';
import type { MemoryLimits } from './scratch-spec.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/** What a plan needs besides the request. */
export interface ScratchPlace {
  readonly limits: MemoryLimits;
  /** Of the user namespace, where it is made in one. */
  readonly namespace: number | undefined;
  readonly seen: SeenUppers;
}

const DIRECTORY = O_RDONLY | O_DIRECTORY;

/** On kernels that take layers that are mounted nowhere (Linux 6.15). */
export function planDetached(request: MountRequest, place: ScratchPlace): Plan {
  const { limits, namespace, seen } = place;
  const plan = new Plan(undefined, namespace === undefined ? 'here' : 'child');
  const { program } = plan;
  if (namespace !== undefined) addEntry(program, namespace);
  addGuards(plan, request, undefined, seen);
  const context = program.add('fsopen', 0, 'tmpfs', FSOPEN_CLOEXEC);
  const { size, inodes } = limits;
  if (size !== undefined) program.add('fsconfig_set_string', 0, context, 'size', String(size));
  if (inodes !== undefined) program.add('fsconfig_set_string', 0, context, 'nr_inodes', String(inodes));
  program.add('fsconfig_create', 0, context);
  const memory = program.add('fsmount', 0, context, FSMOUNT_CLOEXEC, 0);
  addUpperAndWork(plan, request, memory, { upper: 'u', work: 'w' });
  const upper = program.add('openat', KEEP, memory, 'u', DIRECTORY, 0);
  const work = program.add('openat', 0, memory, 'w', DIRECTORY, 0);
  plan.claims.push(upper);
  if (namespace !== undefined) requireAttributes(plan, upper);
  planFsopen(plan, request, request.lower, { upper, work }, 'descriptors');
  return plan;
}

const ATTRIBUTE = 'user.overlayfs';

/** What the failed step of a tmpfs that keeps no attributes is about. */
export const ATTRIBUTES = { option: 'rootless' } as const;

// The driver would go on without them, and fail at the first directory that it has to hide.
function requireAttributes(plan: Plan, upper: number): void {
  plan.about(ATTRIBUTES).add('setxattr', 0, upper, ATTRIBUTE, Buffer.alloc(0), 0);
  plan.program.add('removexattr', 0, upper, ATTRIBUTE);
}

/** On all others: in a mount namespace of a child, which ends with it, on a directory that is empty for everybody else. */
export function planInNamespace(request: MountRequest, place: ScratchPlace, ground: string): Plan {
  const { limits, namespace, seen } = place;
  const plan = new Plan(undefined, 'child');
  const { program } = plan;
  if (namespace !== undefined) addEntry(program, namespace);
  else {
    program.add('unshare', 0, CLONE_NEWNS);
    program.add('mount', 0, 'none', '/', null, MS_REC | MS_PRIVATE, null);
  }
  addGuards(plan, request, undefined, seen);
  const words = [
    'mode=700',
    limits.size !== undefined && `size=${limits.size}`,
    limits.inodes !== undefined && `nr_inodes=${limits.inodes}`,
  ];
  program.add('mount', 0, 'tmpfs', ground, 'tmpfs', 0, words.filter(Boolean).join(','));
  addUpperAndWork(plan, request, AT_FDCWD, { upper: `${ground}/u`, work: `${ground}/w` });
  const view = `${ground}/view`;
  program.add('mkdirat', 0, AT_FDCWD, view, 0o700);
  const upper = program.add('openat', KEEP, AT_FDCWD, `${ground}/u`, DIRECTORY, 0);
  plan.claims.push(upper);
  if (namespace !== undefined) requireAttributes(plan, upper);
  const layer = (option: 'upper' | 'work', name: string): Layer => ({
    option,
    absolute: `${ground}/${name}`,
  });
  const whole = { ...request, upper: layer('upper', 'u'), work: layer('work', 'w') };
  const data = mountData(whole, request.lower);
  if (data.length > MOUNT_DATA_LIMIT) refuseLong(request, data.length);
  planMount(plan, whole, data, { path: view });
  return plan;
}
