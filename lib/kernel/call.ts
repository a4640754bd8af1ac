// One system call by itself, typed, in both forms; a failure is a KernelError.
import { addon, type NativeFailure, nativeFunction } from './addon.ts';
import { type CallArgument, KernelError, printCall } from './kernel-error.ts';
import { type Blocking, type Routine, wait } from './routine.ts';
import type { CallResult, CallSignatures } from './signatures.ts';

function valueOrThrow<K extends keyof CallSignatures>(
  name: K,
  args: CallSignatures[K],
  outcome: unknown,
): CallResult<K> {
  if (typeof outcome !== 'object' || outcome === null || !('errno' in outcome))
    return outcome as CallResult<K>;
  const failure = outcome as NativeFailure;
  throw new KernelError({
    errno: failure.errno,
    syscall: failure.syscall,
    call: printCall(name, addon.calls[name]!, args as readonly CallArgument[]),
    log: '',
    step: 0,
  });
}

/** Makes the call in this thread; throws KernelError. */
export function callSync<K extends keyof CallSignatures>(name: K, ...args: CallSignatures[K]): CallResult<K> {
  return valueOrThrow(name, args, nativeFunction(`${name}Sync`)!(...args));
}

/** Makes the call on the thread pool; rejects with KernelError. */
export async function callAsync<K extends keyof CallSignatures>(
  name: K,
  ...args: CallSignatures[K]
): Promise<CallResult<K>> {
  return valueOrThrow(name, args, await nativeFunction(name)!(...args));
}

/** Makes the call as a step of a routine; throws KernelError. */
export function* call<K extends keyof CallSignatures>(
  name: K,
  ...args: CallSignatures[K]
): Routine<CallResult<K>> {
  const step: Blocking<CallResult<K>> = {
    now: () => callSync(name, ...args),
    later: () => callAsync(name, ...args),
  };
  return yield* wait(step);
}

/** Closes a descriptor that this package opened; false when it was not open any more. */
export function close(fd: number): boolean {
  return addon.close(fd);
}
