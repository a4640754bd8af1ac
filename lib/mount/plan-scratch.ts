// A throw-away overlay as one program: a tmpfs that is mounted nowhere, upper and work on it, and the overlay over them.
import { FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC, O_DIRECTORY, O_RDONLY } from '../kernel/constants.ts';
import { KEEP } from '../kernel/program.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import { Plan } from './plan.ts';
import { planFsopen } from './plan-fsopen.ts';
import { addGuards, type SeenUppers } from './plan-guards.ts';
import { addUpperAndWork } from './root-attributes.ts';
import type { MemoryLimits } from './scratch-spec.ts';
import type { MountRequest } from './spec.ts';

/** What a plan needs besides the request. */
export interface ScratchPlace {
  readonly limits: MemoryLimits;
  /** Of the user namespace, where it is made in one. */
  readonly namespace: number | undefined;
  readonly seen: SeenUppers;
}

export const SCRATCH_DIRECTORY: number = O_RDONLY | O_DIRECTORY;

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
  const upper = program.add('openat', KEEP, memory, 'u', SCRATCH_DIRECTORY, 0);
  const work = program.add('openat', 0, memory, 'w', SCRATCH_DIRECTORY, 0);
  plan.claims.push(upper);
  if (namespace !== undefined) requireAttributes(plan, upper);
  planFsopen(plan, request, request.lower, { upper, work }, 'descriptors');
  return plan;
}

const ATTRIBUTE = 'user.overlayfs';

/** What the failed step of a tmpfs that keeps no attributes is about. */
export const ATTRIBUTES = { option: 'rootless' } as const;

// The driver would go on without them, and fail at the first directory that it has to hide.
export function requireAttributes(plan: Plan, upper: number): void {
  plan.about(ATTRIBUTES).add('setxattr', 0, upper, ATTRIBUTE, Buffer.alloc(0), 0);
  plan.program.add('removexattr', 0, upper, ATTRIBUTE);
}
