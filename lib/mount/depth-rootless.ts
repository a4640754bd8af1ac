// Which lower of a mount without root lies too deep: asked of the kernel in the user namespace, where no table tells.
import type { Finding } from '../diagnosis/overlay-error.ts';
import { placeOf, subjectText } from '../diagnosis/subject.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_FDCWD,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  OVERLAYFS_SUPER_MAGIC,
} from '../kernel/constants.ts';
import { EINVAL } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeFileSystemStat } from '../kernel/stat.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import type { Layer } from './spec-paths.ts';

const DIRECTORY = O_PATH | O_DIRECTORY;

function* isOverlay({ fd, absolute }: Layer): Routine<boolean> {
  const open = yield* call('openat', fd ?? AT_FDCWD, absolute ?? '.', DIRECTORY, 0);
  try {
    return decodeFileSystemStat(yield* call('fstatfs', open)).type === OVERLAYFS_SUPER_MAGIC;
  } finally {
    close(open);
  }
}

/** A view of the layers, each given twice or over an empty directory: what the kernel says to it. */
function* refusal(namespace: number, layer: Layer | undefined): Routine<KernelError | undefined> {
  const program = new Program(undefined, 'child');
  addEntry(program, namespace);
  const memory = program.add('fsopen', 0, 'tmpfs', FSOPEN_CLOEXEC);
  program.add('fsconfig_create', 0, memory);
  const mount = program.add('fsmount', 0, memory, FSMOUNT_CLOEXEC, 0);
  const empty = ['a', 'b'].map((name) => {
    program.add('mkdirat', 0, mount, name, 0o755);
    return program.add('openat', 0, mount, name, DIRECTORY, 0);
  });
  const lower = layer && program.add('openat', 0, layer.fd ?? AT_FDCWD, layer.absolute ?? '.', DIRECTORY, 0);
  const context = program.add('fsopen', 0, 'overlay', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_flag', 0, context, 'userxattr');
  for (const fd of [lower ?? empty[0]!, empty[1]!])
    program.add('fsconfig_set_fd', 0, context, 'lowerdir+', fd);
  program.add('fsconfig_create', 0, context);
  return yield* program.refusal();
}

function* liesTooDeep(namespace: number, layer: Layer): Routine<boolean> {
  try {
    if (!(yield* isOverlay(layer))) return false;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
  const refused = yield* refusal(namespace, layer);
  // When another directory is refused too, the form is.
  return refused?.errno === -EINVAL && (yield* refusal(namespace, undefined)) === undefined;
}

/** For a mount that was refused with EINVAL. Undefined when none does, or none can be asked about. */
export function* findTooDeep(namespace: number, layers: readonly Layer[]): Routine<Finding | undefined> {
  for (const layer of layers) {
    if (!(yield* liesTooDeep(namespace, layer))) continue;
    return {
      code: 'ERR_OVERLAY_TOO_DEEP',
      sentence: `${subjectText(layer)}: it is an overlay over an overlay; the kernel stacks no third on top`,
      hint: 'use the layers of that overlay themselves as lowers, or keep() it and use that',
      ...placeOf(layer),
    };
  }
  return undefined;
}
