// What a mount asks for when it is made without root: the same, in the form that a user namespace can give.

import { findConflict } from '../format/check-options.ts';
import type { AnyOverlayOptions, OverlayOptions } from '../format/mount-spec.ts';
import type { Parameter } from '../format/options.ts';
import { call, close } from '../kernel/call.ts';
import { AT_EMPTY_PATH, AT_FDCWD, FSOPEN_CLOEXEC, procPath, STATX_INO } from '../kernel/constants.ts';
import { EPERM } from '../kernel/errno.ts';
import { readCaller } from '../kernel/features/caller.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { refuse } from './refuse.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

function* askKernel(): Routine<boolean> {
  try {
    close(yield* call('fsopen', 'overlay', FSOPEN_CLOEXEC));
    return false;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno === -EPERM) return true;
    return (yield* readCaller()).capSysAdmin === false;
  }
}

let known: { readonly uid: number; readonly lacks: boolean } | undefined;

/**
 * Whether this process may not mount where it is: asked of the kernel, since capabilities may be for other mounts than
 * these; and once a user, since asking costs a tenth of a mount.
 */
export function* lacksPrivilege(): Routine<boolean> {
  const uid = process.geteuid!();
  if (known?.uid !== uid) known = { uid, lacks: yield* askKernel() };
  return known.lacks;
}

function refusePart(option: string, sentence: string, hint: string): never {
  return refuse('ERR_OVERLAY_NOT_ROOTLESS', { option }, `${option}: ${sentence}`, hint);
}

const INSTEAD = 'or mount as root, or run the whole program in a user namespace: unshare -Urm node …';

function checkParts({ target, guard, shareUpper, shareLower, upper }: MountRequest): void {
  if (target !== undefined) {
    refusePart(
      'target',
      'a mount without root belongs to a user namespace of its own, and cannot be attached in this one',
      `leave target out and use the path of the overlay, ${INSTEAD}`,
    );
  }
  if (guard === 'kernel' && !(shareLower && (shareUpper || upper === undefined))) {
    refusePart(
      'guard',
      "only a process that may mount can ask the kernel who uses a directory, as 'kernel' does",
      `leave guard out for 'quick', ${INSTEAD}`,
    );
  }
}

function checkOptions(options: AnyOverlayOptions, upper: boolean): void {
  const trusted = 'needs trusted.* attributes, which only root of the whole machine can have';
  if (options.userxattr === false) {
    refusePart('userxattr', `false ${trusted}`, `leave it out, ${INSTEAD}`);
  }
  const conflict = findConflict({ ...options, userxattr: true }, { upper });
  if (conflict === undefined) return;
  const name = conflict.option === 'userxattr' ? conflict.other! : conflict.option;
  refusePart(
    name,
    `${JSON.stringify(options[name as keyof AnyOverlayOptions])} ${trusted}`,
    `leave it out, ${INSTEAD}`,
  );
}

/** The number, when the path is that of one of this process's descriptors, as `path` of a detached overlay is. */
function descriptorIn(path: string | Buffer): number | undefined {
  const [, pid, number] = /^\/proc\/(self|[1-9]\d*)\/fd\/(\d+)$/.exec(path.toString()) ?? [];
  return pid === 'self' || Number(pid) === process.pid ? Number(number) : undefined;
}

function* isSameFile(fd: number, path: Buffer): Routine<boolean> {
  try {
    const one = yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_INO);
    const other = yield* call('statx', AT_FDCWD, path, 0, STATX_INO);
    return identityOf(one).equals(identityOf(other));
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

/**
 * A layer as it can be opened in another mount namespace: by its path. A descriptor leads to the mounts of this one, which
 * the kernel takes no layer from there; that of a detached overlay belongs to neither, has no path, and stays what it is.
 */
function* portable(layer: Layer): Routine<Layer> {
  const { option, index, path } = layer;
  const fd = layer.fd ?? descriptorIn(layer.absolute!);
  if (fd === undefined) return layer;
  try {
    const absolute = yield* call('readlinkat', AT_FDCWD, procPath(fd));
    if (yield* isSameFile(fd, absolute)) return { option, index, path, absolute, fd: undefined };
  } catch (error) {
    // What is no descriptor is told of where it is used.
    if (!(error instanceof KernelError)) throw error;
  }
  return { option, index, path, absolute: undefined, fd };
}

/** The layers as another mount namespace can have them. */
export function* allPortable(layers: readonly Layer[]): Routine<Layer[]> {
  const done: Layer[] = [];
  for (const layer of layers) done.push(yield* portable(layer));
  return done;
}

const ALONE: readonly Parameter[] = [{ key: 'userxattr' }];

function withUserxattr(parameters: readonly Parameter[], options: AnyOverlayOptions): readonly Parameter[] {
  if (options.userxattr === true) return parameters;
  return parameters.length === 0 ? ALONE : [...parameters, ...ALONE];
}

/** The request as a user namespace can fulfil it. @throws {OverlayError} ERR_OVERLAY_NOT_ROOTLESS */
function* withoutRoot(request: MountRequest): Routine<MountRequest> {
  const { given, lower, data, upper, work, parameters } = request;
  checkParts(request);
  const options: AnyOverlayOptions = given.options ?? {};
  checkOptions(options, upper !== undefined);
  return {
    ...request,
    // What the overlay says of itself.
    given: { ...given, options: { ...options, userxattr: true } as OverlayOptions },
    rootless: true,
    lower: yield* allPortable(lower),
    data: yield* allPortable(data),
    upper: upper && (yield* portable(upper)),
    work: work && (yield* portable(work)),
    parameters: withUserxattr(parameters, options),
  };
}

/**
 * Decides what `rootless: 'auto'` means for this process, and makes the request fit.
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_ROOTLESS for what cannot be had without root
 */
export function* decideRootless(request: MountRequest): Routine<MountRequest> {
  if (request.rootless === false) return request;
  if (request.rootless === 'auto' && !(yield* lacksPrivilege())) return { ...request, rootless: false };
  return yield* withoutRoot(request);
}
