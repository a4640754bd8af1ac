// A mount through mount(2), for kernels and filters without the new mount API; all of the old form is here.

import { attributesToMsFlags, PROPAGATION_FLAGS } from '../format/attributes.ts';
import { escapeOptionValue } from '../format/escape.ts';
import { joinLowerdir } from '../format/option-text.ts';
import {
  AT_FDCWD,
  MNT_DETACH,
  MS_BIND,
  MS_RDONLY,
  MS_REMOUNT,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../kernel/constants.ts';
import { KEEP, MAY_FAIL, WANT } from '../kernel/program.ts';
import { STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import type { Foothold } from './foothold.ts';
import type { Plan } from './plan.ts';
import { requireWritable, textOf } from './plan-fsopen.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/** mount(2) copies one page, a NUL included, and drops the rest in silence. */
export const MOUNT_DATA_LIMIT = 4095;

function bytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text;
}

/** The option text for mount(2), escaped; in the order in which the new mount API gets the same. */
export function mountData(request: MountRequest, lowers: readonly Layer[]): Buffer {
  const raw = (layer: Layer) => bytes(textOf(layer));
  const parts: Uint8Array[] = [];
  for (const { key, value } of request.parameters) {
    parts.push(Buffer.from(key));
    if (value !== undefined) parts.push(Buffer.from('='), escapeOptionValue(bytes(value)));
    parts.push(Buffer.from(','));
  }
  parts.push(Buffer.from('lowerdir='), joinLowerdir(lowers.map(raw), request.data.map(raw)));
  const { upper, work } = request;
  if (upper !== undefined && work !== undefined) {
    parts.push(Buffer.from(',upperdir='), escapeOptionValue(raw(upper)));
    parts.push(Buffer.from(',workdir='), escapeOptionValue(raw(work)));
  }
  return Buffer.concat(parts);
}

/** Adds the mount, and for a detached one (`foothold`) the steps that take it off its foothold. */
export function planMount(
  plan: Plan,
  request: MountRequest,
  data: Buffer,
  foothold: Foothold | undefined,
): void {
  const target = request.target?.absolute ?? foothold!.path;
  const flags = attributesToMsFlags(request.attributes);
  // MS_RDONLY would make the filesystem read-only too, which fsmount's attribute does not: set it on the mount alone.
  plan.about(request.target).add('mount', 0, request.source, target, 'overlay', flags & ~MS_RDONLY, data);
  plan.placed();
  if (request.upper !== undefined) {
    const root = plan.program.add('openat', 0, AT_FDCWD, target, O_PATH | O_DIRECTORY, 0);
    requireWritable(plan, request, root);
  }
  if (flags & MS_RDONLY) {
    const remount = flags | MS_REMOUNT | MS_BIND;
    plan.about({ option: 'attributes' }).add('mount', 0, 'none', target, null, remount, null);
  }
  // What a foothold's parent made it, its clone must not bring along; attaching gives it what was asked for.
  const propagation = request.target === undefined ? 'private' : request.propagation;
  if (propagation !== undefined) {
    const type = PROPAGATION_FLAGS[propagation];
    plan.about({ option: 'propagation' }).add('mount', 0, 'none', target, null, type, null);
  }
  if (request.target === undefined) detach(plan, target);
  else plan.identity = plan.program.add('statx', WANT, AT_FDCWD, target, 0, STATX_BEST_MNT_ID);
}

// A clone can be attached again later; without open_tree(2) the lazily unmounted original serves, which cannot.
function detach(plan: Plan, target: string | Uint8Array): void {
  const how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  plan.clone = plan.program.add('open_tree', KEEP | MAY_FAIL, AT_FDCWD, target, how);
  plan.mount = plan.program.add('openat', KEEP, AT_FDCWD, target, O_PATH | O_DIRECTORY, 0);
  plan.program.add('umount2', 0, target, MNT_DETACH);
}
