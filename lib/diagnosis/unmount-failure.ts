// From the failed call of an unmount or remount to the error that says what is wrong.
import { EBUSY, EINVAL, EPERM } from '../kernel/errno.ts';
import { readCaller } from '../kernel/features/caller.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { listMountIds } from '../kernel/mount-places.ts';
import type { Routine } from '../kernel/routine.ts';
import { mountIdNumber } from '../kernel/stat.ts';
import { busyText, findBusy } from './busy.ts';
import { type Finding, OverlayError, shown } from './overlay-error.ts';
import { explainPrivilege } from './privilege.ts';

/** The mount that would not go. */
export interface FailedUnmount {
  /** As the user gave it. */
  readonly path: string | Uint8Array;
  /** As mountinfo has it. */
  readonly target: Uint8Array;
  /** 8 bytes, as struct statx has it. */
  readonly mountId: Uint8Array;
  /** Absent: it was to be unmounted. */
  readonly attempt?: 'remount';
}

function* busy(failed: FailedUnmount): Routine<Finding> {
  const who = busyText(yield* findBusy(failed.mountId, failed.target));
  const path = shown(failed.path);
  return {
    code: 'ERR_OVERLAY_BUSY',
    sentence: `target (${JSON.stringify(path)}) is busy: ${who}`,
    hint:
      failed.attempt === 'remount'
        ? 'close the files that are open for writing'
        : 'end or leave what keeps it busy, or pass lazy: true to take it out of sight now',
    option: 'target',
    path,
  };
}

function* isListed(mountId: Uint8Array): Routine<boolean | undefined> {
  try {
    return (yield* listMountIds()).includes(mountIdNumber(Buffer.from(mountId)));
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

// It is the root of a mount: the kernel refuses one that is not of this namespace, and one that is locked (can_umount).
function* refused({ path: given, mountId, attempt }: FailedUnmount): Routine<Finding | undefined> {
  if (attempt !== undefined) return undefined;
  const listed = yield* isListed(mountId);
  const path = shown(given);
  const about = { option: 'target', path };
  const text = `target (${JSON.stringify(path)})`;
  if (listed === false) {
    return {
      code: 'ERR_OVERLAY_IN_DETACHED',
      sentence: `${text} is mounted in a tree that is attached nowhere, as a detached overlay is, and the kernel takes no single mount out of one`,
      hint: 'unmount the detached overlay, with which it ends, or attach that first',
      ...about,
    };
  }
  if (listed !== true || (yield* readCaller()).initialUserNamespace !== false) return undefined;
  return {
    code: 'ERR_OVERLAY_MOUNT_LOCKED',
    sentence: `${text} was mounted outside of this user namespace, which may not take away what it covers`,
    hint: 'unmount it where it was mounted',
    ...about,
  };
}

/** The error for a failed umount2(2). The call itself is its `cause`. */
export function* explainUnmountFailure(error: KernelError, failed: FailedUnmount): Routine<OverlayError> {
  if (error.errno === -EBUSY) return new OverlayError([yield* busy(failed)], error);
  const finding = error.errno === -EINVAL ? yield* refused(failed) : undefined;
  if (finding !== undefined) return new OverlayError([finding], error);
  const privilege = error.errno === -EPERM ? yield* explainPrivilege() : undefined;
  const path = shown(failed.path);
  return new OverlayError(
    [
      privilege === undefined
        ? {
            code: 'ERR_OVERLAY_UNEXPLAINED',
            sentence: `the kernel did not ${failed.attempt ?? 'unmount'} ${JSON.stringify(path)}: ${error.message}`,
            hint: 'see the manual page of the call for what the error can mean',
            option: 'target',
            path,
          }
        : { ...privilege, option: 'target', path },
    ],
    error,
  );
}
