// What has to be done before a mount, since the kernel would refuse what the caller insists on.
import { volatileNoteName } from '../diagnosis/volatile-facts.ts';
import { asksForIndex, dialectOf } from '../format/asked-options.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFREG,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/** Makes undone what was done, when the mount fails after all. */
type Undo = () => Routine<void>;

// What a volatile overlay leaves in the work directory: work/incompat/volatile with the file dirty in it.
const MARK = ['work', 'work/incompat', 'work/incompat/volatile'];

function openWork(program: Program, { fd, absolute }: Layer): number {
  return program.add('openat', MAY_FAIL, fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0);
}

// A failed attempt may have cleared `work`, so that all of it is made anew.
function* putMarkBack(work: Layer): Routine<void> {
  const program = new Program();
  const top = openWork(program, work);
  for (const path of MARK) program.add('mkdirat', MAY_FAIL, top, path, 0);
  program.add('mknodat', MAY_FAIL, top, `${MARK.at(-1)}/dirty`, S_IFREG, 0);
  yield* program.run();
}

function* trustVolatile(work: Layer): Routine<Undo[]> {
  const program = new Program();
  const top = openWork(program, work);
  const how = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const dir = program.add('openat2', MAY_FAIL, top, 'work/incompat', O_PATH | O_DIRECTORY, 0, how);
  program.add('unlinkat', MAY_FAIL, dir, 'volatile/dirty', 0);
  const removed = program.add('unlinkat', MAY_FAIL, dir, 'volatile', AT_REMOVEDIR);
  yield* program.run();
  return program.value(removed) === 0 ? [() => putMarkBack(work)] : [];
}

// A note that is to go.
function* withoutNote(upper: Layer, name: string): Routine<Undo[]> {
  const flags = O_PATH | O_DIRECTORY;
  const withUpper = function* <T>(use: (fd: number) => Routine<T>): Routine<T | undefined> {
    try {
      const fd = yield* call('openat', upper.fd ?? AT_FDCWD, upper.absolute ?? '.', flags, 0);
      try {
        return yield* use(fd);
      } finally {
        close(fd);
      }
    } catch (error) {
      if (error instanceof KernelError) return undefined;
      throw error;
    }
  };
  const note = yield* withUpper(function* (fd) {
    const value = yield* call('getxattr', fd, name);
    yield* call('removexattr', fd, name);
    return value;
  });
  if (note === undefined) return [];
  return [
    function* () {
      yield* withUpper((fd) => call('setxattr', fd, name, note, 0));
    },
  ];
}

/** Does what the caller insists on; what is not there needs nothing. */
export function* insist(request: MountRequest): Routine<Undo[]> {
  const { upper, work, parameters } = request;
  if (upper === undefined) return [];
  const undos: Undo[] = [];
  const dialect = dialectOf(parameters);
  if (request.trustVolatile) {
    if (work !== undefined) undos.push(...(yield* trustVolatile(work)));
    undos.push(...(yield* withoutNote(upper, volatileNoteName(dialect))));
  }
  // The kernel notes the first lower anew where there is no note. Without an index it does not compare, and the note stays.
  if (request.changeLower && asksForIndex(parameters) !== false) {
    undos.push(...(yield* withoutNote(upper, `${dialect}.overlay.origin`)));
  }
  return undos;
}

export function* takeBackInsisted(undos: readonly Undo[]): Routine<void> {
  for (const undo of undos) yield* undo();
}
