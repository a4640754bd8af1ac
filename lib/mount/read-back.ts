// Whether a mount is what was asked for: the kernel drops some options with no more than a line in its log.
import { isParameterOn } from '../diagnosis/driver-facts.ts';
import { lookAtMount } from '../diagnosis/mount-facts.ts';
import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import { applyRules } from '../diagnosis/rule.ts';
import { DROPPED_RULES } from '../diagnosis/work-rules.ts';
import type { AnyOverlayOptions } from '../format/mount-spec.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  MNT_DETACH,
  MOVE_MOUNT_F_EMPTY_PATH,
  O_RDONLY,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type AskStatmount, readOverlay } from '../kernel/mount-table.ts';
import { KEEP, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { mountIdIn, mountIdNumber, STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import { removeEmptyDirectory } from './empty-lower.ts';
import { explainedNamespace } from './explained-namespace.ts';
import { type Foothold, makeFoothold } from './foothold.ts';
import type { MountRequest } from './spec.ts';

interface Droppable {
  readonly name: 'index' | 'nfsExport' | 'metacopy' | 'redirectDir' | 'uuid' | 'volatile';
  readonly wanted: true | 'on';
  /** What `Y` in /sys/module/overlay/parameters makes the default, which the mount table then does not show. */
  readonly parameter?: string;
}

const DROPPABLE: readonly Droppable[] = [
  { name: 'index', wanted: true, parameter: 'index' },
  { name: 'nfsExport', wanted: true, parameter: 'nfs_export' },
  { name: 'metacopy', wanted: true, parameter: 'metacopy' },
  { name: 'redirectDir', wanted: 'on', parameter: 'redirect_dir' },
  { name: 'uuid', wanted: 'on' },
  { name: 'volatile', wanted: true },
];

// The same rules that explain() goes by; what they do not know is in the kernel log alone.
function* whyDropped(request: MountRequest, name: string): Routine<Finding | undefined> {
  const found = applyRules(DROPPED_RULES, yield* lookAtMount(request));
  return found.find(({ finding }) => finding.option === name)?.finding;
}

function addCopy(program: Program, mount: number, foothold: Foothold): number {
  const clone = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  const copy = program.add('open_tree', 0, mount, '', clone);
  // Before it is attached: nothing may fail between that and what takes it away again.
  const stat = program.add('statx', WANT, copy, '', AT_EMPTY_PATH, STATX_BEST_MNT_ID);
  program.add('move_mount', 0, copy, '', AT_FDCWD, foothold.path, MOVE_MOUNT_F_EMPTY_PATH);
  return stat;
}

/**
 * The id of a copy of a detached mount that stands on a foothold for as long as `use` takes: the kernel tells of mounts in the
 * file tree alone, and a copy has the filesystem, options included, in common. Undefined before Linux 6.15, which copies no
 * detached mounts.
 */
function* withAttachedCopy<T>(mount: number, use: (id: Buffer) => Routine<T>): Routine<T | undefined> {
  const foothold = yield* makeFoothold();
  const program = new Program();
  const stat = addCopy(program, mount, foothold);
  try {
    yield* program.run();
    try {
      return yield* use(mountIdIn(program.bytes(stat)!));
    } finally {
      yield* call('umount2', foothold.path, MNT_DETACH);
    }
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  } finally {
    yield* removeEmptyDirectory(foothold.path);
  }
}

function askIn(user: number, place: number): AskStatmount {
  return function* (id, mask, capacity) {
    const program = new Program(undefined, 'child');
    program.add('setns', 0, user, CLONE_NEWUSER);
    program.add('setns', 0, place, CLONE_NEWNS);
    const answer = program.add('statmount', WANT, id, mask, capacity);
    yield* program.run();
    return program.bytes(answer)!;
  };
}

/** The same of a mount without root: the copy stands in a mount namespace of a child, which a descriptor keeps until the end. */
function* optionsInNamespace(mount: number, user: number): Routine<AnyOverlayOptions | undefined> {
  const foothold = yield* makeFoothold();
  const program = new Program(undefined, 'child');
  addEntry(program, user);
  const stat = addCopy(program, mount, foothold);
  const place = program.add('openat', KEEP, AT_FDCWD, '/proc/self/ns/mnt', O_RDONLY, 0);
  try {
    yield* program.run();
    const there = program.value(place);
    try {
      return yield* shownOptions(mountIdIn(program.bytes(stat)!), askIn(user, there));
    } finally {
      close(there);
    }
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  } finally {
    yield* removeEmptyDirectory(foothold.path);
  }
}

function* shownOptions(id: Buffer, ask?: AskStatmount): Routine<AnyOverlayOptions | undefined> {
  try {
    return (yield* readOverlay(mountIdNumber(id), ask))?.overlay.options;
  } catch (error) {
    // Kernels before 6.11 do not tell of one mount; reading all of mountinfo would cost more than the mount.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

function* optionsOf(
  request: MountRequest,
  overlay: { readonly mountId: Buffer; readonly fd: number },
): Routine<AnyOverlayOptions | undefined> {
  if (request.rootless === true) {
    return yield* optionsInNamespace(overlay.fd, yield* explainedNamespace(request));
  }
  return request.target === undefined
    ? yield* withAttachedCopy(overlay.fd, (id) => shownOptions(id))
    : yield* shownOptions(overlay.mountId);
}

// A copy of what mount(2) made in a child cannot be had: what the rules say is all that can be known.
function* foretold(request: MountRequest, asked: readonly Droppable[]): Routine<OverlayError | undefined> {
  for (const { name } of asked) {
    const finding = yield* whyDropped(request, name);
    if (finding !== undefined) return new OverlayError([finding]);
  }
  return undefined;
}

/** An error for the first option that was asked for and is not in force; undefined when all are, or nobody can tell. */
export function* droppedOption(
  request: MountRequest,
  overlay: { readonly mountId: Buffer; readonly fd: number },
): Routine<OverlayError | undefined> {
  const options = (request.given.options ?? {}) as AnyOverlayOptions;
  const asked = DROPPABLE.filter(({ name, wanted }) => options[name] === wanted);
  if (asked.length === 0) return undefined;
  const shown = yield* optionsOf(request, overlay);
  if (shown === undefined) return request.rootless === true ? yield* foretold(request, asked) : undefined;
  for (const { name, wanted, parameter } of asked) {
    if (shown[name] === wanted || (parameter !== undefined && (yield* isParameterOn(parameter)))) continue;
    const finding: Finding = (yield* whyDropped(request, name)) ?? {
      code: 'ERR_OVERLAY_OPTION_DROPPED',
      sentence: `the kernel mounted without ${name}: ${JSON.stringify(wanted)}; why is in the kernel log alone (dmesg)`,
      hint: `leave ${name} out, or use layers that allow it: features(dir) tells`,
      option: name,
    };
    return new OverlayError([finding]);
  }
  return undefined;
}
