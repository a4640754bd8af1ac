// The user namespace that mounts without root are made in, or why there is none to be had.
import { explainNamespaceFailure } from '../diagnosis/namespace-failure.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { userNamespace } from '../kernel/user-namespace.ts';
import { rangedNamespace } from './id-ranges.ts';
import type { MountRequest } from './spec.ts';

/** A descriptor of the user namespace. @throws {OverlayError} when there is none to be had */
export function* explainedNamespace({ idRanges }: MountRequest): Routine<number> {
  try {
    // First the simple one: what forbids it forbids the other, and is explained.
    const simple = yield* userNamespace();
    return idRanges ? yield* rangedNamespace() : simple;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw yield* explainNamespaceFailure(error);
  }
}
