// A mount without root as a program of a child: it enters the user namespace, and mounts as the others do.
import {
  AT_FDCWD,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
} from '../kernel/constants.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import type { Claims } from './claim.ts';
import { refuseLong } from './compat.ts';
import { EMPTY_LOWER_NAME, needsEmptyLower } from './empty-lower.ts';
import type { Rung } from './ladder.ts';
import { Plan } from './plan.ts';
import { type LayerForm, planFsopen } from './plan-fsopen.ts';
import { MOUNT_DATA_LIMIT, mountData, planMount } from './plan-mount.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/** Whether this way needs a directory for the child to mount a tmpfs on, which nobody else sees. */
export function needsGround(request: MountRequest, { form }: Rung): boolean {
  return form === 'text' || (form !== 'descriptors' && needsEmptyLower(request));
}

// As emptyLowerDescriptor, which a process that may not mount cannot make beforehand.
function addEmptyLower(plan: Plan): Layer {
  const { program } = plan;
  const context = program.add('fsopen', 0, 'tmpfs', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'size', '4k');
  program.add('fsconfig_create', 0, context);
  const mount = program.add('fsmount', 0, context, FSMOUNT_CLOEXEC, 0);
  program.add('mkdirat', 0, mount, EMPTY_LOWER_NAME, 0o755);
  return { option: 'lower', fd: program.add('openat', 0, mount, EMPTY_LOWER_NAME, O_PATH | O_DIRECTORY, 0) };
}

function addDirectory(plan: Plan, ground: string, name: string): string {
  const path = `${ground}/${name}`;
  plan.program.add('mkdirat', 0, AT_FDCWD, path, 0o755);
  return path;
}

function lowersOf(plan: Plan, request: MountRequest, ground: string | undefined): readonly Layer[] {
  if (!needsEmptyLower(request)) return request.lower;
  if (ground === undefined) return [...request.lower, addEmptyLower(plan)];
  const path = addDirectory(plan, ground, EMPTY_LOWER_NAME);
  return [...request.lower, { option: 'lower', path, absolute: path }];
}

// Opened anew: the descriptors that hold the locks belong to the mounts of our namespace, which the kernel takes no layer
// from here. The locks themselves are taken outside, since the kernel notes by whom, and the child is soon nobody.
function addUpper(plan: Plan, { upper, work }: MountRequest): Claims | undefined {
  if (upper === undefined || work === undefined) return undefined;
  const open = (layer: Layer) => {
    const dir = layer.fd ?? AT_FDCWD;
    return plan.about(layer).add('openat', 0, dir, layer.absolute ?? '.', O_RDONLY | O_DIRECTORY, 0);
  };
  return { upper: open(upper), work: open(work) };
}

/** @param ground an empty directory, where the rung needs one */
export function planRootless(
  request: MountRequest,
  { form }: Rung,
  namespace: number,
  ground: string | undefined,
): Plan {
  const plan = new Plan(undefined, 'child');
  addEntry(plan.program, namespace);
  if (ground !== undefined) plan.program.add('mount', 0, 'tmpfs', ground, 'tmpfs', 0, 'size=4k,mode=755');
  const lowers = lowersOf(plan, request, ground);
  if (form !== 'text') {
    planFsopen(plan, request, lowers, addUpper(plan, request), form as LayerForm);
    return plan;
  }
  const data = mountData(request, lowers);
  if (data.length > MOUNT_DATA_LIMIT) refuseLong(request, data.length);
  planMount(plan, request, data, { path: addDirectory(plan, ground!, 'view') });
  return plan;
}
