// The errors for a work directory that the kernel would empty, or that it cannot use and mounts read-only for.
import { call } from '../kernel/call.ts';
import { AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, STATX_TYPE } from '../kernel/constants.ts';
import { EEXIST, errnoName } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { OverlayError } from './overlay-error.ts';
import type { Claimed } from './refused-claim.ts';
import { placeOf, type Subject, subjectText } from './subject.ts';

const PROBE = '.overlayfs-probe';

function beside(work: Claimed, name: string): Buffer {
  return Buffer.concat([Buffer.from(work.absolute as Uint8Array), Buffer.from(`/${name}`)]);
}

// What keeps anybody from making a directory there: the driver tries just that, with the name "work".
function* mkdirErrno(work: Claimed): Routine<string | undefined> {
  const path = beside(work, PROBE);
  try {
    yield* call('mkdirat', AT_FDCWD, path, 0o700);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.errno === -EEXIST ? undefined : errnoName(-error.errno);
  }
  yield* call('unlinkat', AT_FDCWD, path, AT_REMOVEDIR);
  return undefined;
}

function* hasLeftover(work: Claimed): Routine<boolean> {
  try {
    yield* call('statx', AT_FDCWD, beside(work, 'work'), AT_SYMLINK_NOFOLLOW, STATX_TYPE);
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

/** For an entry `work` in the work directory that is not of the driver's making. */
export function workHasData(work: Subject): OverlayError {
  return new OverlayError([
    {
      code: 'ERR_OVERLAY_WORK_HAS_DATA',
      sentence: `${subjectText(work)} holds an entry "work" that no overlay made, and that the kernel would delete`,
      hint: 'use an empty directory as work, or pass discardWork: true to lose what is there',
      ...placeOf(work),
    },
  ]);
}

/** Looks why; names only what it found. */
export function* becameReadOnly(work: Claimed): Routine<OverlayError> {
  const errno = yield* mkdirErrno(work);
  const leftover = errno === undefined && (yield* hasLeftover(work));
  const why =
    errno !== undefined
      ? `no directory can be made in it (${errno})`
      : leftover
        ? 'it holds an entry "work" that the kernel cannot remove'
        : 'why is in the kernel log alone (dmesg)';
  const remedy =
    errno === 'ENOSPC' || errno === 'EDQUOT'
      ? 'free space and inodes on its filesystem'
      : leftover
        ? 'empty the work directory, or use a new one'
        : 'use a work directory that this user can write to';
  return new OverlayError([
    {
      code: 'ERR_OVERLAY_BECAME_READ_ONLY',
      sentence: `${subjectText(work)}: the kernel would mount read-only, since it cannot use the work directory: ${why}`,
      hint: `${remedy}; or pass attributes: { readOnly: true }`,
      ...placeOf(work),
    },
  ]);
}
