// Whether this process may mount, and whether the kernel has the overlay driver: read from /proc.
import { readCaller } from '../kernel/features/caller.ts';
import type { Routine } from '../kernel/routine.ts';
import { noDriver, noPrivilege } from './caller-rules.ts';
import { isDriverListed } from './driver-facts.ts';
import type { Finding } from './overlay-error.ts';

/** A finding when CAP_SYS_ADMIN is missing from the effective set; undefined when it is there or cannot be read. */
export function* explainPrivilege(): Routine<Finding | undefined> {
  return noPrivilege(yield* readCaller());
}

/** A finding when the kernel has no filesystem "overlay". */
export function* explainDriver(): Routine<Finding | undefined> {
  return noDriver(yield* isDriverListed());
}
