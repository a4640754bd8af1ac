// That a process has as many files open as it may have: the kernel says it itself, of a call that would open one more.
import { EMFILE } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import type { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { lookAtDescriptors } from './descriptor-facts.ts';
import type { Finding } from './overlay-error.ts';

// For these EMFILE has no other meaning: open(2), pipe(2), socketpair(2). A process is started with a socket pair, whatever
// the first step of its program is.
const OPENING = /^(openat2?|open|fsopen|fsmount|open_tree|pipe2|socketpair|dup3?|fcntl|unshare|clone|setns)$/;

/**
 * Undefined for another failure. What others have closed since then does not make it untrue: with many mounts at once the
 * limit is met for a moment.
 */
export function* tooManyOpenFiles({
  errno,
  syscall,
}: Pick<KernelError, 'errno' | 'syscall'>): Routine<Finding | undefined> {
  if (errno !== -EMFILE || !OPENING.test(syscall)) return undefined;
  const { open, limit } = yield* lookAtDescriptors(yield* readIfPossible('/proc/self/limits'));
  const number = limit === undefined ? '' : ` of ${limit}`;
  const now = open === undefined || limit === undefined ? '' : `; ${open} are open now`;
  return {
    code: 'ERR_OVERLAY_TOO_MANY_OPEN_FILES',
    sentence: `this process had as many files open as it may have: the limit${number} (RLIMIT_NOFILE) left none for ${syscall}(2)${now}`,
    hint: 'close what is not needed, do less at a time, or raise the limit (ulimit -n)',
  };
}
