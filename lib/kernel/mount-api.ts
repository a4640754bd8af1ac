// Which ways of handing layers to the overlay driver this kernel has, found by trying each on a context that is dropped.
import { call, close } from './call.ts';
import { AT_FDCWD, FSOPEN_CLOEXEC, O_DIRECTORY, O_PATH } from './constants.ts';
import { KernelError } from './kernel-error.ts';
import type { Routine } from './routine.ts';

/** For each way: undefined when it works, else the refused call as text. */
export interface MountApi {
  /** fsopen(2), and with it the whole new mount API. */
  readonly fsopen: string | undefined;
  /** `lowerdir+`, one layer a call. */
  readonly layerStrings: string | undefined;
  /** Layers as descriptors. */
  readonly layerDescriptors: string | undefined;
}

function* refusal(attempt: Routine<unknown>): Routine<string | undefined> {
  try {
    yield* attempt;
    return undefined;
  } catch (error) {
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}

function* probeContext(context: number): Routine<MountApi> {
  // The root directory always is a directory, so only the form can be refused.
  const layerStrings = yield* refusal(call('fsconfig_set_string', context, 'lowerdir+', '/'));
  const root = yield* call('openat', AT_FDCWD, '/', O_PATH | O_DIRECTORY, 0);
  try {
    const layerDescriptors = yield* refusal(call('fsconfig_set_fd', context, 'lowerdir+', root));
    return { fsopen: undefined, layerStrings, layerDescriptors };
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
    const { message } = error;
    return { fsopen: message, layerStrings: message, layerDescriptors: message };
  }
  try {
    return yield* probeContext(context);
  } finally {
    close(context);
  }
}
