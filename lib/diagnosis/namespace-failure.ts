// From a call that a user namespace was refused by to the error that names the setting.
import type { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { tooManyOpenFiles } from './descriptor-limit.ts';
import { lookAtNamespaces } from './namespace-facts.ts';
import { findNamespaceCauses } from './namespace-rules.ts';
import { OverlayError } from './overlay-error.ts';

/** What keeps this process from having a user namespace, or from mounting in it; undefined when nothing is found. */
export function* namespaceCause(error: KernelError): Routine<OverlayError | undefined> {
  const [first, ...rest] = findNamespaceCauses(yield* lookAtNamespaces(), error);
  return first && new OverlayError([first, ...rest], error);
}

/** The error for a user namespace that cannot be had. The call itself is its `cause`. */
export function* explainNamespaceFailure(error: KernelError): Routine<OverlayError> {
  const noneLeft = yield* tooManyOpenFiles(error);
  if (noneLeft !== undefined) return new OverlayError([noneLeft], error);
  const unexplained = {
    code: 'ERR_OVERLAY_UNEXPLAINED',
    sentence:
      `the kernel gives this process no user namespace to mount in: ${error.message}. Looked at and found in order: ` +
      'the settings (sysctl user.* and kernel.*), chroot, /proc, dumpable, seccomp',
    hint: 'look for a security module that forbids it, or mount as root',
    option: 'rootless',
  };
  return (yield* namespaceCause(error)) ?? new OverlayError([unexplained], error);
}
