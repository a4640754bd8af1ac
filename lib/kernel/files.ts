// Reading small files of /proc and /sys as steps of a routine.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Routine, wait } from './routine.ts';

/** The whole file, or undefined when it cannot be read. */
export function* readIfPossible(path: string): Routine<Buffer | undefined> {
  try {
    return yield* wait({ now: () => readFileSync(path), later: () => readFile(path) });
  } catch {
    return undefined;
  }
}
