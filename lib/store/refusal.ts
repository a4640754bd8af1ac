// How a store says no: errors with a code, and failed system calls on its files told as what they mean.
import { OverlayError, shown } from '../format/overlay-error.ts';
import { EROFS } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { isFailedCall, pathFailure } from '../layer/path-failure.ts';

/** A key or a path, for people. */
export const quoted = (name: string | Uint8Array): string => JSON.stringify(shown(name));

export function refusal(
  code: string,
  sentence: string,
  hint: string,
  more: { readonly option?: string; readonly path?: string; readonly cause?: unknown } = {},
): OverlayError {
  const { cause, ...place } = more;
  return new OverlayError([{ code, sentence, hint, ...place }], cause);
}

export const isErrno = (error: unknown, ...numbers: readonly number[]): error is KernelError =>
  error instanceof KernelError && numbers.includes(-error.errno);

/** Runs the body; a system call that fails in it is told of as a failure at the path. */
export async function explained<T>(path: Uint8Array, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!isFailedCall(error)) throw error;
    if (-error.errno !== EROFS) throw pathFailure(error, shown(path));
    const sentence = `the store ${quoted(path)} is on something that is mounted read-only`;
    const hint = 'remount it read-write; what is in it can be looked at, and views mounted, as it is';
    throw refusal('ERR_STORE_READ_ONLY', sentence, hint, { path: shown(path), cause: error });
  }
}
