// Whether the kernel has the overlay driver, as /proc tells it.
import { listsOverlay } from '../kernel/features/driver.ts';
import { readIfPossible } from '../kernel/files.ts';
import type { Routine } from '../kernel/routine.ts';

/** Whether /proc/filesystems lists the overlay driver; undefined when it cannot be read. */
export function* isDriverListed(): Routine<boolean | undefined> {
  const list = (yield* readIfPossible('/proc/filesystems'))?.toString();
  return list === undefined ? undefined : listsOverlay(list);
}
