// A mount through the new mount API: fsopen, fsconfig, fsmount, move_mount. Preferred: it names what it refuses.
import { PROPAGATION_FLAGS } from '../format/attributes.ts';
import { escapeForFsconfigValue } from '../format/escape.ts';
import { joinLowerdir } from '../format/option-text.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_SYMLINKS,
  O_DIRECTORY,
  O_PATH,
  procPath,
  ST_RDONLY,
} from '../kernel/constants.ts';
import { KEEP, LOG, WANT } from '../kernel/program.ts';
import { FILESYSTEM_FLAGS_OFFSET, STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import type { Claims } from './claim.ts';
import type { Plan } from './plan.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/**
 * How the layers are handed over:
 * `descriptors`: upper and work as descriptors, and a lower too unless a string says the same for less;
 * `strings`: `lowerdir+` and strings for all; `string`: one `lowerdir` string, as drivers before 6.8 take it.
 */
export type LayerForm = 'descriptors' | 'strings' | 'string';

/** fsconfig(2) takes strings of at most this many bytes. */
export const FSCONFIG_STRING_LIMIT = 255;

/** The path of a layer as a string for the kernel. */
export function textOf(layer: Layer): string | Buffer {
  return layer.absolute ?? procPath(layer.fd!);
}

/** Its size in bytes. */
export function sizeOf(text: string | Uint8Array): number {
  return typeof text === 'string' ? Buffer.byteLength(text) : text.length;
}

function bytesOf(layer: Layer): Buffer {
  const text = textOf(layer);
  return typeof text === 'string' ? Buffer.from(text) : text;
}

// open, FSCONFIG_SET_FD and close cost twice as much as the string, which the kernel resolves just as once, and which
// the mount table shows just as well: 25 lowers mount in 1.16 instead of 1.39 times the least time (bench/).
// A descriptor is needed where there is no path, and where the path is too long for fsconfig(2).
function addLowerLayer(plan: Plan, context: number, layer: Layer, form: LayerForm): void {
  const key = layer.option === 'data' ? 'datadir+' : 'lowerdir+';
  const { absolute } = layer;
  if (absolute !== undefined && (form === 'strings' || fitsFsconfig(absolute))) {
    plan.about(layer).add('fsconfig_set_string', 0, context, key, absolute);
  } else if (form === 'strings') {
    plan.about(layer).add('fsconfig_set_string', 0, context, key, textOf(layer));
  } else {
    const fd =
      layer.fd ?? plan.about(layer).add('openat', 0, AT_FDCWD, textOf(layer), O_PATH | O_DIRECTORY, 0);
    plan.about(layer).add('fsconfig_set_fd', 0, context, key, fd);
  }
}

/** Cheap for the usual: a string takes at most three bytes a character. */
export function fitsFsconfig(text: string | Uint8Array): boolean {
  if (text.length * 3 <= FSCONFIG_STRING_LIMIT) return true;
  return sizeOf(text) <= FSCONFIG_STRING_LIMIT;
}

function addUpperLayer(plan: Plan, context: number, layer: Layer, claim: number, form: LayerForm): void {
  const key = layer.option === 'upper' ? 'upperdir' : 'workdir';
  if (form === 'descriptors') plan.about(layer).add('fsconfig_set_fd', 0, context, key, claim);
  else plan.about(layer).add('fsconfig_set_string', 0, context, key, escapeForFsconfigValue(bytesOf(layer)));
}

function addParameters(plan: Plan, context: number, request: MountRequest): void {
  for (const { key, value } of request.parameters) {
    const subject = { option: key };
    if (value === undefined) plan.about(subject).add('fsconfig_set_flag', 0, context, key);
    else plan.about(subject).add('fsconfig_set_string', 0, context, key, value);
  }
}

/** Adds everything from fsopen to the mount in its place. */
export function planFsopen(
  plan: Plan,
  request: MountRequest,
  lowers: readonly Layer[],
  claims: Claims | undefined,
  form: LayerForm,
): void {
  const context = plan.program.add('fsopen', LOG, 'overlay', FSOPEN_CLOEXEC);
  plan.about({ option: 'source' }).add('fsconfig_set_string', 0, context, 'source', request.source);
  if (request.parameters.length > 0) addParameters(plan, context, request);
  if (form === 'string') {
    const value = joinLowerdir(lowers.map(bytesOf), request.data.map(bytesOf));
    plan.about({ option: 'lower' }).add('fsconfig_set_string', 0, context, 'lowerdir', value);
  } else {
    for (const layer of lowers) addLowerLayer(plan, context, layer, form);
    for (const layer of request.data) addLowerLayer(plan, context, layer, form);
  }
  if (claims !== undefined) {
    addUpperLayer(plan, context, request.upper!, claims.upper, form);
    addUpperLayer(plan, context, request.work!, claims.work, form);
  }
  plan.program.add('fsconfig_create', 0, context);
  place(plan, request, context);
}

/** Stops where the kernel made a mount that was to be written to read-only, which it tells in its log alone. */
export function requireWritable(plan: Plan, request: MountRequest, mount: number): void {
  if (request.upper === undefined || request.attributes.readOnly) return;
  const statfs = plan.program.add('fstatfs', 0, mount);
  const bytes = plan.program.bytesOf(statfs);
  plan.about({ option: 'upper' }).add('require_bits_clear', 0, bytes, FILESYSTEM_FLAGS_OFFSET, ST_RDONLY);
}

function place(plan: Plan, request: MountRequest, context: number): void {
  const { target } = request;
  const flags = target === undefined ? KEEP : 0;
  const mount = plan.program.add('fsmount', flags, context, FSMOUNT_CLOEXEC, request.attributeBits);
  plan.mount = mount;
  requireWritable(plan, request, mount);
  if (target !== undefined) {
    const how = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
    plan.about(target).add('move_mount', 0, mount, '', AT_FDCWD, target.absolute, how);
    plan.placed();
  }
  // After the attachment, since a shared parent makes what is attached to it shared (mount_namespaces(7)). A detached
  // mount gets it when it is attached: the kernel does not attach an unbindable one.
  if (request.propagation !== undefined && target !== undefined) {
    const type = PROPAGATION_FLAGS[request.propagation];
    plan.about({ option: 'propagation' }).add('mount_setattr', 0, mount, '', AT_EMPTY_PATH, 0, 0, type, -1);
  }
  if (target === undefined) return;
  plan.identity = plan.program.add('statx', WANT, mount, '', AT_EMPTY_PATH, STATX_BEST_MNT_ID);
}
