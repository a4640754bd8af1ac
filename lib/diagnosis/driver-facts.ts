// Whether the kernel has the overlay driver, as /proc tells it, and what its parameters say.
import { listsOverlay } from '../kernel/features/driver.ts';
import { readIfPossible } from '../kernel/files.ts';
import type { Routine } from '../kernel/routine.ts';

/** Whether /proc/filesystems lists the overlay driver; undefined when it cannot be read. */
export function* isDriverListed(): Routine<boolean | undefined> {
  const list = (yield* readIfPossible('/proc/filesystems'))?.toString();
  return list === undefined ? undefined : listsOverlay(list);
}

/** Whether a parameter of the module is on; false when it cannot be read. */
export function* isParameterOn(name: string): Routine<boolean> {
  const text = yield* readIfPossible(`/sys/module/overlay/parameters/${name}`);
  return text?.toString().trim() === 'Y';
}
