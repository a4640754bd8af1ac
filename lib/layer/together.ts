// Many searches side by side: what they look for in one directory is looked at in one job.
import { OverlayError } from '../format/overlay-error.ts';
import { close } from '../kernel/call.ts';
import { O_DIRECTORY } from '../kernel/constants.ts';
import { type Blocking, type Routine, runAsync, runSync, wait } from '../kernel/routine.ts';
import { scanNames } from '../kernel/scan-names.ts';
import { openPlace, type RealDirectory } from './layer.ts';
import { ALL_XATTRS, type Found, found, type Look, lookAt, notOpened, type RealEntry } from './real-entry.ts';

/** One name that a search waits for. By itself it is looked at like any other. */
class LookRequest implements Blocking<RealEntry | undefined> {
  readonly dir: RealDirectory;
  readonly name: string;

  constructor(dir: RealDirectory, name: string) {
    this.dir = dir;
    this.name = name;
  }

  now(): RealEntry | undefined {
    return runSync(lookAt(this.dir, this.name));
  }

  later(): Promise<RealEntry | undefined> {
    return runAsync(lookAt(this.dir, this.name));
  }
}

/** For searches that are run by {@link together}. */
export const lookTogether: Look = function* (dir, name) {
  return yield* wait(new LookRequest(dir, name));
};

/** What is under these names of a directory: an error for a name of which nothing is known. */
export function* lookAtNames(dir: RealDirectory, names: readonly string[]): Routine<Map<string, Found>> {
  const { layer, place } = dir;
  let fd: number;
  try {
    fd = yield* openPlace({ layer, place }, O_DIRECTORY);
  } catch (error) {
    const problem = notOpened(dir, error);
    return new Map(names.map((name) => [name, problem]));
  }
  try {
    const bytes = names.map((name) => Buffer.from(name, 'latin1'));
    const scanned = yield* scanNames(fd, bytes, ALL_XATTRS);
    return new Map(names.map((name, i) => [name, found(dir, name, scanned[i]!)]));
  } finally {
    close(fd);
  }
}

interface Waiting<T> {
  readonly index: number;
  readonly routine: Routine<T>;
  readonly request: LookRequest;
}

function byDirectory<T>(all: readonly Waiting<T>[]): Map<RealDirectory, Waiting<T>[]> {
  const groups = new Map<RealDirectory, Waiting<T>[]>();
  for (const one of all) {
    const group = groups.get(one.request.dir);
    if (group === undefined) groups.set(one.request.dir, [one]);
    else group.push(one);
  }
  return groups;
}

/** Runs routines whose only blocking steps are those of {@link lookTogether}; gives their values in their order. */
export function* together<T>(routines: readonly Routine<T>[]): Routine<T[]> {
  const values: T[] = [];
  let waiting: Waiting<T>[] = [];
  const go = (index: number, routine: Routine<T>, turn: IteratorResult<Blocking<unknown>, T>) => {
    if (turn.done) values[index] = turn.value;
    else waiting.push({ index, routine, request: turn.value as LookRequest });
  };
  for (const [index, routine] of routines.entries()) go(index, routine, routine.next());
  while (waiting.length > 0) {
    const round = waiting;
    waiting = [];
    for (const [dir, group] of byDirectory(round)) {
      const names = [...new Set(group.map(({ request }) => request.name))];
      const entries = yield* lookAtNames(dir, names);
      for (const { index, routine, request } of group) {
        const entry = entries.get(request.name);
        go(index, routine, entry instanceof OverlayError ? routine.throw(entry) : routine.next(entry));
      }
    }
  }
  return values;
}
