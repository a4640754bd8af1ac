// The upper and work directories of this thread's detached overlays, which no mount table has.
import type { LiveSource } from '../diagnosis/guard-facts.ts';
import { callSync } from '../kernel/call.ts';
import { IDENTITY_SIZE } from './identity-list.ts';

// By the open descriptor, its identity and those above it; looked at when somebody asks first, so that an overlay alone
// never pays for it.
const known = new Map<number, Buffer | undefined>();
const none = Buffer.alloc(0);

/**
 * Remembers the directories of an overlay by their open descriptors, also when others have come behind the same numbers.
 * One with an upper in memory has that alone, which no path leads to.
 */
export function rememberDetached(fds: readonly number[]): void {
  if (fds.length < 2) return;
  for (const fd of fds) known.set(fd, undefined);
}

/** Before the descriptors are closed. */
export function forgetDetached(fds: readonly number[]): void {
  for (const fd of fds) known.delete(fd);
}

/** Whether there are any. */
export function hasDetachedDirectories(): boolean {
  return known.size > 0;
}

/** As directories: the upper of each overlay comes before its work. */
export function detachedDirectories(): LiveSource[] {
  return [...known.keys()].map((fd, i) => ({ option: i % 2 === 0 ? 'upper' : 'work', fd }));
}

function chains(): Buffer[] {
  for (const [fd, seen] of known) if (seen === undefined) known.set(fd, callSync('ancestors', fd, none));
  return [...known.values()] as Buffer[];
}

/** 16 bytes each, as `require_disjoint` compares them. */
export function detachedIdentities(): Buffer[] {
  return chains().map((chain) => chain.subarray(0, IDENTITY_SIZE));
}

/** The same of the directories that they lie in. */
export function aboveDetached(): Buffer[] {
  return chains().map((chain) => chain.subarray(IDENTITY_SIZE));
}
