// Why a device 0:0 could not be made in a directory, found by looking and by trying.
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import { call } from '../kernel/call.ts';
import { OVERLAYFS_SUPER_MAGIC, S_IFIFO } from '../kernel/constants.ts';
import { EPERM } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeFileSystemStat } from '../kernel/stat.ts';
import { immutability, type LayerDirectory } from './layer-directory.ts';
import { pathFailure } from './path-failure.ts';
import { temporaryName } from './replace-entry.ts';

const CAP_MKNOD = 27n;
const BY_ATTRIBUTE =
  "use form: 'xattr' (Linux 6.7), which every filesystem with extended attributes can hold";

/** @param fd of a directory */
export function* isInOverlay(fd: number): Routine<boolean> {
  return decodeFileSystemStat(yield* call('fstatfs', fd)).type === OVERLAYFS_SUPER_MAGIC;
}

// A fifo takes no capability: where not even that can be made, the filesystem has no such files.
function* takesFifos({ fd }: LayerDirectory): Routine<boolean> {
  const name = temporaryName();
  try {
    yield* call('mknodat', fd, name, S_IFIFO | 0o600, 0);
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
  yield* call('unlinkat', fd, name, 0);
  return true;
}

function* mayMakeDevices(): Routine<boolean> {
  const status = (yield* readIfPossible('/proc/self/status'))?.toString() ?? '';
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_MKNOD) & 1n) === 1n;
}

function* cause(directory: LayerDirectory): Routine<Pick<Finding, 'sentence' | 'hint'> | undefined> {
  const { shown } = directory.path;
  if (yield* isInOverlay(directory.fd))
    return {
      sentence: `${shown} is in an overlay, where the kernel lets nobody make device whiteouts`,
      hint: "remove the name, and the overlay makes the whiteout in its upper; for a layer of an overlay on this one use form: 'xattr'",
    };
  if (!(yield* takesFifos(directory)))
    return {
      sentence: `the filesystem of ${shown} holds no device nodes, nor other special files`,
      hint: BY_ATTRIBUTE,
    };
  if (!(yield* mayMakeDevices()))
    return {
      sentence: `this process may make no device 0:0 in ${shown}: it has no CAP_MKNOD, which Linux demands before 5.8`,
      hint: `run as root, or ${BY_ATTRIBUTE}`,
    };
  return undefined;
}

/** The error for the refused mknodat(2). */
export function* explainRefusedDevice(error: KernelError, directory: LayerDirectory): Routine<OverlayError> {
  if (error.errno !== -EPERM) return pathFailure(error, directory.path.shown);
  const immutable = yield* immutability(directory);
  if (immutable !== undefined) return immutable;
  const found = yield* cause(directory);
  if (found === undefined) return pathFailure(error, directory.path.shown);
  return new OverlayError(
    [{ code: 'ERR_OVERLAY_WHITEOUT_REFUSED', ...found, path: directory.path.shown }],
    error,
  );
}
