// What a refused call means for an entry that is being made.
import type { OverlayError } from '../format/overlay-error.ts';
import { EINVAL, EOPNOTSUPP, EPERM } from '../kernel/errno.ts';
import type { KernelError } from '../kernel/kernel-error.ts';
import { failure } from './failure.ts';

const ROOTLESS =
  'run as root, or pass rootless: true, which writes owners down and leaves out what only root may make';

interface Refusal {
  readonly calls: readonly string[];
  readonly errnos: readonly number[];
  readonly code: string;
  readonly says: (path: string) => string;
  readonly hint: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    calls: ['fchownat'],
    // EINVAL: the user namespace does not map it.
    errnos: [EPERM, EINVAL],
    code: 'ERR_OVERLAY_LAYER_OWNER',
    says: (path) => `this process may not give ${path} to the owner that the layer names`,
    hint: ROOTLESS,
  },
  {
    calls: ['mknodat'],
    errnos: [EPERM],
    code: 'ERR_OVERLAY_LAYER_DEVICE',
    says: (path) => `this process may not make the device ${path}`,
    hint: ROOTLESS,
  },
  {
    calls: ['setxattr'],
    errnos: [EPERM, EOPNOTSUPP],
    code: 'ERR_OVERLAY_LAYER_XATTR',
    says: (path) => `an extended attribute of the layer cannot be set at ${path}`,
    hint: 'run as root on a filesystem with extended attributes (ext4, XFS, btrfs); rootless: true leaves out those that only root may set',
  },
];

/** Undefined when it means what it always does. */
export function refused(error: KernelError, path: string): OverlayError | undefined {
  const row = REFUSALS.find(
    ({ calls, errnos }) => calls.includes(error.syscall) && errnos.includes(-error.errno),
  );
  return row && failure(row.code, row.says(path), row.hint, { path, cause: error });
}
