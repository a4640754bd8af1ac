// The one shape of every answer of the feature probe, and how a failed system call becomes one.
import { KernelError } from '../kernel-error.ts';
import type { Routine } from '../routine.ts';

/** Whether something can be had here and now. */
export interface FeatureAnswer {
  /** 'unknown' when it could not be tried; `reason` then says why not. */
  readonly available: boolean | 'unknown';
  /** What was tried and what came of it, such as `fsopen("overlay", 1): ENOSYS`; never more than was tried. */
  readonly reason: string;
  /** What would make it available, one sentence; absent when it is, or when nothing would. */
  readonly remedy?: string;
}

export function yes(reason: string): FeatureAnswer {
  return { available: true, reason };
}

export function no(reason: string, remedy?: string): FeatureAnswer {
  return { available: false, reason, ...(remedy !== undefined && { remedy }) };
}

export function unknown(reason: string, remedy?: string): FeatureAnswer {
  return { available: 'unknown', reason, ...(remedy !== undefined && { remedy }) };
}

/** What to advise for a refused call; `since` is the kernel release that the documents name for the feature. */
export function remedyFor(error: KernelError, since?: string): string | undefined {
  switch (error.code) {
    case 'ENOSYS':
    case 'EINVAL':
    case 'ENOTSUP': // EOPNOTSUPP, by Node's name
      return since === undefined ? undefined : `Use Linux ${since} or later.`;
    case 'ENODEV':
      return 'Load the overlay module as root (modprobe overlay), or use a kernel that is built with CONFIG_OVERLAY_FS.';
    case 'EPERM':
      return 'Ask as root: CAP_SYS_ADMIN in the initial user namespace is needed.';
    case 'EROFS':
      return 'Remount it read-write.';
    default:
      return undefined;
  }
}

/** Runs an attempt: the sentence it returns is the reason for yes, and a refused call the reason for no. */
export function* tried(attempt: Routine<string>, since?: string): Routine<FeatureAnswer> {
  try {
    return yes(yield* attempt);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return no(error.message, remedyFor(error, since));
  }
}
