// The changes of a fork as a test compares them: all of them, in the same order each time, without what follows from others.
import { OverlayError } from '../diagnosis/overlay-error.ts';
import type { Change, ChangedWhat, Findings } from '../layer/index.ts';

export interface ForkChangeOptions {
  /**
   * Tell of times too. Without it `mtime` is in no `what`: every write changes the time of a file, and every name that comes
   * or goes that of its directory.
   */
  readonly times?: boolean;
}

const bytes = (path: Change['path']): Buffer => Buffer.from(path as Uint8Array);

function withoutTimes(change: Change): Change | undefined {
  const what = change.what.filter((part: ChangedWhat) => part !== 'mtime');
  if (what.length === change.what.length) return change;
  const stays = what.length > 0 || change.kind !== 'modified' || change.from !== undefined;
  return stays || change.error !== undefined ? { ...change, what } : undefined;
}

/** By the bytes of their paths, as sort(1) does in the C locale. @throws {OverlayError} when some cannot be known */
export async function forkChanges(
  changes: Findings<Change>,
  { times = false }: ForkChangeOptions,
): Promise<Change[]> {
  const all: Change[] = [];
  for await (const change of changes) {
    const told = times ? change : withoutTimes(change);
    if (told !== undefined) all.push(told);
  }
  // An assertion over a part of the changes would pass or fail for no reason.
  if (!changes.complete && changes.findings.length > 0) {
    throw new OverlayError(changes.findings as [(typeof changes.findings)[number]]);
  }
  return all.sort((a, b) => Buffer.compare(bytes(a.path), bytes(b.path)));
}
