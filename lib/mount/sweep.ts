// Where this thread has looked for what others left: once a place, and again when something could not be removed.
import type { TakeOver } from '../kernel/remove-tree.ts';
import type { Routine } from '../kernel/routine.ts';
import { sweepOwnDirectories } from './own-directory.ts';

const swept = new Set<string>();

/** Removes what is left in the directory `parent`, which has this path, if this thread has not done so. */
export function* sweepOnce(
  parent: number,
  path: string | Uint8Array,
  prefix: string,
  takeOver: TakeOver | undefined,
): Routine<void> {
  const key = Buffer.from(path as string).toString('latin1');
  if (swept.has(key)) return;
  if (yield* sweepOwnDirectories(parent, prefix, takeOver)) swept.add(key);
}

/** Something of ours stays for now, such as when no descriptor was left: whoever comes next looks again. */
export function sweepAgain(): void {
  swept.clear();
}
