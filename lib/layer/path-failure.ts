// What a failed call on an entry of a layer means, when the entry's path is all that is known: a table by errno.
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import {
  EACCES,
  EBADF,
  EBUSY,
  EDQUOT,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  EOPNOTSUPP,
  EROFS,
} from '../kernel/errno.ts';

/** A failed system call: a KernelError, or an error of node:fs. */
export type FailedCall = Error & { readonly errno: number };

/** Of an OverlayError somebody has said already what it means. */
export function isFailedCall(error: unknown): error is FailedCall {
  return (
    error instanceof Error &&
    !(error instanceof OverlayError) &&
    typeof (error as Partial<FailedCall>).errno === 'number'
  );
}

interface Meaning {
  readonly errno: number;
  readonly code: string;
  readonly says: (path: string) => string;
  readonly hint: string;
}

const MEANINGS: readonly Meaning[] = [
  {
    errno: ENOENT,
    code: 'ERR_OVERLAY_NOT_FOUND',
    says: (path) => `${path} does not exist, or a symbolic link on the way to it leads to nothing`,
    hint: 'create it, or correct the path',
  },
  {
    errno: ENOTDIR,
    code: 'ERR_OVERLAY_NOT_DIRECTORY',
    says: (path) => `${path}, or something on the way to it, is no directory`,
    hint: 'correct the path',
  },
  {
    errno: ELOOP,
    code: 'ERR_OVERLAY_SYMLINK_LOOP',
    says: (path) => `symbolic links on the way to ${path} lead in a circle, or are more than 40`,
    hint: 'name the directory without the links',
  },
  {
    errno: EACCES,
    code: 'ERR_OVERLAY_NO_ACCESS',
    says: (path) =>
      `this user may not do that: the permissions of ${path} or of a directory on the way forbid it`,
    hint: 'run as the owner or as root, or change the permissions',
  },
  {
    errno: ENAMETOOLONG,
    code: 'ERR_OVERLAY_NAME_TOO_LONG',
    says: (path) => `a name in ${path} has more bytes than its filesystem allows`,
    hint: 'use names of at most 255 bytes',
  },
  {
    errno: EROFS,
    code: 'ERR_OVERLAY_LAYER_READ_ONLY',
    says: (path) => `${path} is on something read-only`,
    hint: 'remount it read-write, or use a copy of the layer',
  },
  {
    errno: ENOSPC,
    code: 'ERR_OVERLAY_NO_SPACE',
    says: (path) => `the filesystem of ${path} has no room or no inodes left`,
    hint: 'free some, see df and df --inodes',
  },
  {
    errno: EDQUOT,
    code: 'ERR_OVERLAY_QUOTA',
    says: (path) => `a quota on the filesystem of ${path} is used up`,
    hint: 'remove files, or have the quota raised',
  },
  {
    errno: EMFILE,
    code: 'ERR_OVERLAY_TOO_MANY_OPEN_FILES',
    says: (path) => `${path} cannot be opened: this process has as many open files as it may have`,
    hint: 'close some, or raise the limit (ulimit -n)',
  },
  {
    errno: EBUSY,
    code: 'ERR_OVERLAY_BUSY',
    says: (path) => `something is mounted at ${path}`,
    hint: 'unmount it first',
  },
  {
    errno: EOPNOTSUPP,
    code: 'ERR_OVERLAY_NO_ATTRIBUTES',
    says: (path) => `the filesystem of ${path} does not keep such extended attributes`,
    hint: 'put the layer on a filesystem that does, such as ext4, XFS or btrfs',
  },
];

/** The meaning of the failed call, or that it is not known. */
export function pathFailure(error: FailedCall, path: string): OverlayError {
  const meaning = MEANINGS.find(({ errno }) => errno === -error.errno);
  const finding: Finding =
    meaning === undefined
      ? {
          code: 'ERR_OVERLAY_UNEXPLAINED',
          sentence: `${path}: ${error.message}`,
          hint: 'see the failed call in `cause`',
          path,
        }
      : { code: meaning.code, sentence: meaning.says(path), hint: meaning.hint, path };
  return new OverlayError([finding], error);
}

/** The same of the root of a tree, which a caller may have given as a descriptor. */
export function rootFailure(error: FailedCall, shown: string, isDescriptor: boolean): OverlayError {
  if (!isDescriptor || error.errno !== -EBADF) return pathFailure(error, shown);
  const hint = 'pass an open fs.FileHandle, or { fd } of a directory that is open';
  return new OverlayError(
    [{ code: 'ERR_OVERLAY_INVALID_DESCRIPTOR', sentence: `${shown} is not open`, hint, path: shown }],
    error,
  );
}
