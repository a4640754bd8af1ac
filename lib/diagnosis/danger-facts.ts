// What is looked at besides for dangers of a mount that would succeed; nothing is made for it.
import { call } from '../kernel/call.ts';
import {
  AT_SYMLINK_NOFOLLOW,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  S_IFDIR,
  STATX_BASIC_STATS,
} from '../kernel/constants.ts';
import { EACCES, EPERM } from '../kernel/errno.ts';
import { tellsTypes } from '../kernel/features/directory-entries.ts';
import { allNames, someNames } from '../kernel/names.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat, type Stat } from '../kernel/stat.ts';
import type { AskedMount } from './mount-facts.ts';
import type { Directory } from './subject.ts';
import { withDirectory } from './upper-facts.ts';

export interface DangerFacts {
  /** The target has entries. */
  readonly targetHasEntries: boolean;
  /** The entry `work` of the work directory. */
  readonly leftover: Stat | undefined;
  /** Whether listings beside the upper tell types; undefined when that cannot be seen. */
  readonly tellsTypes: boolean | undefined;
  /** Upper has what the driver leaves in a work directory, and nothing else; work what it leaves in an upper. */
  readonly swapped: boolean;
  /** The errno (positive) with which no file can be made in upper; 0 when one can, or another reason forbids it. */
  readonly closedErrno: number;
}

function* hasEntries(directory: Directory, below: string): Routine<boolean> {
  const some = yield* withDirectory(directory, below, O_RDONLY | O_NOFOLLOW, someNames);
  return some !== undefined && some.length > 0;
}

function* leftoverIn(work: Directory): Routine<Stat | undefined> {
  return yield* withDirectory(work, '.', O_PATH, function* (fd) {
    return decodeStat(yield* call('statx', fd, 'work', AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS));
  });
}

// The directory above has at least one entry: the upper. When that is the root of its mount, its own have to do.
function* typesBeside(upper: Directory): Routine<boolean | undefined> {
  for (const below of ['..', '.']) {
    const told = yield* withDirectory(upper, below, O_RDONLY, function* (fd) {
      return tellsTypes(yield* call('getdents64', fd, 32_768));
    });
    if (told === false) return false;
  }
  return undefined;
}

const DRIVERS: readonly string[] = ['work', 'index'];

function* namesIn(directory: Directory): Routine<string[]> {
  const names = yield* withDirectory(directory, '.', O_RDONLY, allNames);
  return (names ?? []).map((name) => name.toString());
}

function* hasNotes(directory: Directory): Routine<boolean> {
  const list = yield* withDirectory(directory, '.', O_PATH, (fd) => call('listxattr', fd));
  return /^(trusted|user)\.overlay\./m.test((list?.toString('latin1') ?? '').replaceAll('\0', '\n'));
}

function* areSwapped(upper: Directory, work: Directory): Routine<boolean> {
  const leftover = yield* leftoverIn(upper);
  if (leftover?.mode !== S_IFDIR) return false;
  if (!(yield* namesIn(upper)).every((name) => DRIVERS.includes(name))) return false;
  return (yield* hasNotes(work)) || !(yield* namesIn(work)).every((name) => DRIVERS.includes(name));
}

// A file without a name, which leaves no trace.
function* closedErrno(upper: Directory): Routine<number> {
  const errno = yield* withDirectory(upper, '.', O_PATH, function* (fd) {
    const program = new Program();
    const file = program.add('openat', MAY_FAIL, fd, '.', O_TMPFILE | O_RDWR, 0o600);
    yield* program.run();
    return -program.value(file);
  });
  return errno === EACCES || errno === EPERM ? errno : 0;
}

export function* lookAtDangers({ upper, work, target }: AskedMount): Routine<DangerFacts> {
  return {
    targetHasEntries: target !== undefined && (yield* hasEntries(target, '.')),
    leftover: work && (yield* leftoverIn(work)),
    tellsTypes: upper && (yield* typesBeside(upper)),
    closedErrno: upper === undefined ? 0 : yield* closedErrno(upper),
    swapped: upper !== undefined && work !== undefined && (yield* areSwapped(upper, work)),
  };
}
