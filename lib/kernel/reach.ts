// Reaches a path of any length from a directory, in steps that the kernel takes, with what openat2(2) is to forbid on the way.
import { call, close } from './call.ts';
import { O_DIRECTORY, O_PATH } from './constants.ts';
import type { Routine } from './routine.ts';

// PATH_MAX is 4,096 with the NUL, and a name has at most 255 bytes.
const LONGEST_STEP = 4095 - 256;
const SLASH = 0x2f;

/** A path in steps: one for nearly all. */
export function stepsOf(path: Buffer): Buffer[] {
  const steps: Buffer[] = [];
  let rest = path;
  while (rest.length > LONGEST_STEP) {
    const end = rest.lastIndexOf(SLASH, LONGEST_STEP);
    // A name that is too long: the kernel says so.
    if (end <= 0) break;
    steps.push(rest.subarray(0, end));
    let next = end;
    while (rest[next] === SLASH) next++;
    rest = rest.subarray(next);
  }
  return rest.length === 0 ? steps : [...steps, rest];
}

/**
 * Hands `use` a descriptor and a path of at most 4,095 bytes that lead to `path`, which is seen from `dir` and not empty.
 * `resolve` holds for each step: RESOLVE_BENEATH forbids `..` beyond a step, so such paths must have none.
 *
 * @throws {KernelError} of openat2(2), and what `use` throws
 */
export function* reach<T>(
  dir: number,
  path: Buffer,
  resolve: number,
  use: (dir: number, path: Buffer) => Routine<T>,
): Routine<T> {
  const steps = stepsOf(path);
  let at = dir;
  try {
    for (const step of steps.slice(0, -1)) {
      const next = yield* call('openat2', at, step, O_PATH | O_DIRECTORY, 0, resolve);
      if (at !== dir) close(at);
      at = next;
    }
    return yield* use(at, steps.at(-1)!);
  } finally {
    if (at !== dir) close(at);
  }
}
