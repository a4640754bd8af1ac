// One at a time: what many mounts of this thread need and one of them can do for all.
import { type Routine, wait } from '../kernel/routine.ts';

let last: Promise<void> = Promise.resolve();
let inside = 0;

/** Whether somebody has the turn, or waits for it. */
export function isTaken(): boolean {
  return inside > 0;
}

/** Runs the body when those that asked before are through. The Sync form cannot wait, and goes at once. */
export function* inTurn<T>(body: Routine<T>): Routine<T> {
  let leave = () => {};
  const later = async () => {
    const before = last;
    last = new Promise((resolve) => {
      leave = resolve;
    });
    await before;
  };
  inside++;
  try {
    yield* wait({ now: () => undefined, later });
    return yield* body;
  } finally {
    leave();
    inside--;
  }
}
