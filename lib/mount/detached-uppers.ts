// The upper and work directories of this thread's detached overlays, which no mount table has.
import { callSync } from '../kernel/call.ts';
import { AT_EMPTY_PATH, STATX_INO } from '../kernel/constants.ts';
import { identityOf } from '../kernel/stat.ts';

// By the open descriptor; looked at when somebody asks first, so that an overlay alone never pays for it.
const known = new Map<number, Buffer | undefined>();

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

export function areAnyDetached(): boolean {
  return known.size > 0;
}

/** As directories: the upper of each overlay comes before its work. */
export function detachedDirectories(): { option: 'upper' | 'work'; fd: number }[] {
  return [...known.keys()].map((fd, i) => ({ option: i % 2 === 0 ? 'upper' : 'work', fd }));
}

/** 16 bytes each, as `require_disjoint` compares them. */
export function detachedIdentities(): Buffer[] {
  const identities: Buffer[] = [];
  for (const [fd, seen] of known) {
    const identity = seen ?? identityOf(callSync('statx', fd, '', AT_EMPTY_PATH, STATX_INO));
    known.set(fd, identity);
    identities.push(identity);
  }
  return identities;
}
