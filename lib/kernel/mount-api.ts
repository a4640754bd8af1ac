// Which ways of handing layers to the overlay driver this kernel has, found by trying each on a context that is dropped.
import { call, close } from './call.ts';
import { AT_EMPTY_PATH, AT_FDCWD, FSOPEN_CLOEXEC, O_DIRECTORY, O_PATH } from './constants.ts';
import { EBADF, EINVAL, ENOSYS, EOPNOTSUPP, errnoName } from './errno.ts';
import { KernelError } from './kernel-error.ts';
import { MAY_FAIL, Program } from './program.ts';
import type { Routine } from './routine.ts';
import { addEntry } from './user-namespace.ts';

/** For each way: undefined when it works, else the refused call as text. */
export interface MountApi {
  /** fsopen(2), and with it the whole new mount API. */
  readonly fsopen: string | undefined;
  /** `lowerdir+`, one layer a call. */
  readonly layerStrings: string | undefined;
  /** Layers as descriptors. */
  readonly layerDescriptors: string | undefined;
  /** mount_setattr(2), which sets the propagation of a mount by its descriptor. */
  readonly mountSetattr: string | undefined;
  /** Whether the answers hold for later mounts too: a shortage, or a missing right or driver, may pass. */
  readonly lasting: boolean;
}

const LASTING: readonly number[] = [ENOSYS, EINVAL, EBADF, EOPNOTSUPP];

type Refusal = KernelError | undefined;

function* refusal(attempt: Routine<unknown>): Routine<Refusal> {
  try {
    yield* attempt;
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}

function answers(
  fsopen: Refusal,
  layerStrings: Refusal,
  layerDescriptors: Refusal,
  mountSetattr: Refusal,
): MountApi {
  const all = [fsopen, layerStrings, layerDescriptors, mountSetattr];
  return {
    fsopen: fsopen?.message,
    layerStrings: layerStrings?.message,
    layerDescriptors: layerDescriptors?.message,
    mountSetattr: mountSetattr?.message,
    lasting: all.every((error) => error === undefined || LASTING.includes(-error.errno)),
  };
}

function* probeContext(context: number): Routine<MountApi> {
  // The root directory always is a directory, so only the form can be refused.
  const layerStrings = yield* refusal(call('fsconfig_set_string', context, 'lowerdir+', '/'));
  const root = yield* call('openat', AT_FDCWD, '/', O_PATH | O_DIRECTORY, 0);
  try {
    const layerDescriptors = yield* refusal(call('fsconfig_set_fd', context, 'lowerdir+', root));
    // Sets and clears nothing.
    const nothing = call('mount_setattr', root, '', AT_EMPTY_PATH, 0, 0, 0, -1);
    return answers(undefined, layerStrings, layerDescriptors, yield* refusal(nothing));
  } finally {
    close(root);
  }
}

/** Mounts nothing and leaves nothing. Source: Documentation/filesystems/overlayfs.rst, "Multiple lower layers". */
export function* probeMountApi(): Routine<MountApi> {
  let context: number;
  try {
    context = yield* call('fsopen', 'overlay', FSOPEN_CLOEXEC);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return answers(error, error, error, error);
  }
  try {
    return yield* probeContext(context);
  } finally {
    close(context);
  }
}

/** The same for a child in that user namespace, where a process is that may not mount itself. */
export function* probeMountApiIn(namespace: number): Routine<MountApi> {
  const program = new Program(undefined, 'child');
  addEntry(program, namespace);
  const context = program.add('fsopen', MAY_FAIL, 'overlay', FSOPEN_CLOEXEC);
  const root = program.add('openat', 0, AT_FDCWD, '/', O_PATH | O_DIRECTORY, 0);
  const steps = {
    fsopen: context,
    layerStrings: program.add('fsconfig_set_string', MAY_FAIL, context, 'lowerdir+', '/'),
    layerDescriptors: program.add('fsconfig_set_fd', MAY_FAIL, context, 'lowerdir+', root),
    mountSetattr: program.add('mount_setattr', MAY_FAIL, root, '', AT_EMPTY_PATH, 0, 0, 0, -1),
  };
  yield* program.run();
  const errnoOf = (step: number) => -program.value(step);
  const refused = (call: string, step: number) =>
    errnoOf(step) === 0 ? undefined : `${call}: ${errnoName(errnoOf(step))}`;
  return {
    fsopen: refused('fsopen("overlay")', steps.fsopen),
    layerStrings: refused('fsconfig(overlay, FSCONFIG_SET_STRING, "lowerdir+", "/")', steps.layerStrings),
    layerDescriptors: refused('fsconfig(overlay, FSCONFIG_SET_FD, "lowerdir+", </>)', steps.layerDescriptors),
    mountSetattr: refused('mount_setattr(</>)', steps.mountSetattr),
    lasting: Object.values(steps).every((step) => errnoOf(step) === 0 || LASTING.includes(errnoOf(step))),
  };
}
