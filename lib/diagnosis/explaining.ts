// A call about one directory whose failure is explained: what explains it is looked at after the failure alone.
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { explainMountFailure } from './mount-failure.ts';
import type { Directory } from './subject.ts';

/** A call about one directory, its failure explained. @throws {OverlayError} */
export function* explaining<T>(directory: Directory, attempt: Routine<T>): Routine<T> {
  try {
    return yield* attempt;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw yield* explainMountFailure(error, { directories: [directory], subject: directory });
  }
}
