// From the failed call of an unmount or remount to the error that says what is wrong.
import { EBUSY, EPERM } from '../kernel/errno.ts';
import type { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
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

/** The error for a failed umount2(2). The call itself is its `cause`. */
export function* explainUnmountFailure(error: KernelError, failed: FailedUnmount): Routine<OverlayError> {
  if (error.errno === -EBUSY) return new OverlayError([yield* busy(failed)], error);
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
