// Whether the kernel has the overlay driver, as /proc tells it, and what its parameters say.
import { listsOverlay } from '../kernel/features/driver.ts';
import { readIfPossible } from '../kernel/files.ts';
import type { Routine } from '../kernel/routine.ts';

export const DRIVER_FILE = '/proc/filesystems';

/** Whether its text lists the overlay driver; undefined when there is none. */
export function driverIn(filesystems: Buffer | undefined): boolean | undefined {
  return filesystems && listsOverlay(filesystems.toString());
}

/** Whether /proc/filesystems lists the overlay driver; undefined when it cannot be read. */
export function* isDriverListed(): Routine<boolean | undefined> {
  return driverIn(yield* readIfPossible(DRIVER_FILE));
}

export function parameterFile(name: string): string {
  return `/sys/module/overlay/parameters/${name}`;
}

/** Whether the text of such a file says that it is on; false without one. */
export function isOn(text: Buffer | undefined): boolean {
  return text?.toString().trim() === 'Y';
}

/** Whether a parameter of the module is on; false when it cannot be read. */
export function* isParameterOn(name: string): Routine<boolean> {
  return isOn(yield* readIfPossible(parameterFile(name)));
}
