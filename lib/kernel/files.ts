// Reading small files of /proc and /sys as steps of a routine.
import { promises, readFileSync } from 'node:fs';
import { AT_FDCWD, O_RDONLY } from './constants.ts';
import { EMFILE } from './errno.ts';
import { MAY_FAIL, Program, WANT } from './program.ts';
import { type Routine, wait } from './routine.ts';

/** The whole file, or undefined when it cannot be read. */
export function* readIfPossible(path: string): Routine<Buffer | undefined> {
  try {
    return yield* wait({ now: () => readFileSync(path), later: () => promises.readFile(path) });
  } catch {
    return undefined;
  }
}

// The kernel makes the text of such a file a page at a time.
const PAGE = 4096;

/**
 * The same of several files, in one program, where the promise forms of node:fs make four jobs of each.
 *
 * @param pages how long they usually are; longer ones are read once more
 */
export function* readFiles(paths: readonly string[], pages: number = 1): Routine<(Buffer | undefined)[]> {
  const program = new Program();
  const steps = paths.map((path) => {
    const fd = program.add('openat', MAY_FAIL, AT_FDCWD, path, O_RDONLY, 0);
    // One more, which finds the end.
    const reads = Array.from({ length: pages + 1 }, () => program.add('read', MAY_FAIL | WANT, fd, PAGE));
    return { fd, reads };
  });
  yield* program.run();
  const files: (Buffer | undefined)[] = [];
  for (const [i, { fd, reads }] of steps.entries()) {
    const parts = reads.map((step) => program.bytes(step));
    // All are open at a time, for which there may be no room.
    if (parts[0] === undefined && program.value(fd) !== -EMFILE) files.push(undefined);
    else if (parts.at(-1)?.length === 0) files.push(Buffer.concat(parts as Buffer[]));
    else files.push(yield* readIfPossible(paths[i]!));
  }
  return files;
}
