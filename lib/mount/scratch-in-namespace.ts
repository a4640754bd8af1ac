// A throw-away overlay on kernels that take no layer that is mounted nowhere (before Linux 6.15): in a mount namespace of a
// child, which ends with it, on a directory that is empty for everybody else.
import { AT_FDCWD, CLONE_NEWNS, MS_PRIVATE, MS_REC } from '../kernel/constants.ts';
import { KEEP } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import { detachedResult, refuseLong } from './compat.ts';
import { removeEmptyDirectory } from './empty-lower.ts';
import { makeFoothold } from './foothold.ts';
import { type Made, runGuarded } from './made.ts';
import { Plan } from './plan.ts';
import { addGuards } from './plan-guards.ts';
import { MOUNT_DATA_LIMIT, mountData, planMount } from './plan-mount.ts';
import { requireAttributes, SCRATCH_DIRECTORY, type ScratchPlace } from './plan-scratch.ts';
import { addUpperAndWork, lacksRootXattrs } from './root-attributes.ts';
import { copyRootXattrs } from './root-xattrs.ts';
import { allPortable } from './rootless.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

function planInNamespace(request: MountRequest, place: ScratchPlace, ground: string): Plan {
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
  const upper = program.add('openat', KEEP, AT_FDCWD, `${ground}/u`, SCRATCH_DIRECTORY, 0);
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

/** @throws {FailedStep} */
export function* makeInNamespace(request: MountRequest, place: ScratchPlace): Routine<Made> {
  const inside = {
    ...request,
    lower: yield* allPortable(request.lower),
    data: yield* allPortable(request.data),
  };
  const ground = yield* makeFoothold();
  try {
    const plan = planInNamespace(inside, place, ground.path);
    yield* runGuarded(plan, inside);
    const made = detachedResult(plan, inside);
    if (lacksRootXattrs(plan)) yield* copyRootXattrs(request.lower[0]!, made.claims[0]!);
    return made;
  } finally {
    yield* removeEmptyDirectory(ground.path);
  }
}
