// The directories of one overlay of the mount table, known by inode and device; nobody is waited for who does not answer.
import { findSilentServed, OTHERS_PATIENCE } from '../diagnosis/silent-places.ts';
import type { OverlayDescription } from '../format/overlay-description.ts';
import { AT_FDCWD, AT_STATX_DONT_SYNC, O_DIRECTORY, O_PATH, STATX_INO } from '../kernel/constants.ts';
import type { MountPlace } from '../kernel/mount-places.ts';
import type { OverlayEntry } from '../kernel/mount-table.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { IDENTITY_SIZE } from './identity-list.ts';

/** All mounts, those mounted first in front, and those of them that another process or machine answers for. */
export interface MountTable {
  readonly places: readonly MountPlace[];
  readonly served: readonly MountPlace[];
}

/** A directory that a live overlay writes to. */
export interface LiveUpper {
  readonly identity: Buffer;
  readonly option: 'upper' | 'work';
  readonly path: Buffer;
  readonly overlay: OverlayEntry;
}

/** A directory that a live overlay reads. */
export interface LiveLower {
  readonly identity: Buffer;
  readonly path: Buffer;
  readonly overlay: OverlayEntry;
}

/** All of one overlay. */
export interface LiveDirectories {
  readonly uppers: readonly LiveUpper[];
  readonly lowers: readonly LiveLower[];
  /** What its uppers lie in, 16 bytes each. */
  readonly above: Buffer;
}

const none = Buffer.alloc(0);
export const NO_DIRECTORIES: LiveDirectories = { uppers: [], lowers: [], above: none };
const SLASH = 0x2f;

/** Those of the paths, as latin1, where nobody answers, and which are left to the guard 'kernel'; what is not served is not asked. */
export function* unanswered(
  paths: readonly Buffer[],
  { served, places }: MountTable,
): Routine<ReadonlySet<string>> {
  const named = paths.map((absolute) => ({ option: 'lower', absolute }));
  const silent = yield* findSilentServed(named, served, places, OTHERS_PATIENCE);
  return new Set(silent.map(({ directory }) => Buffer.from(directory.absolute as Buffer).toString('latin1')));
}

// A relative path was relative to the mounter's directory, which nobody knows any more. A layer that is mounted nowhere is
// shown as `/`.
function pathsOf({ lower, data, upper, otherUpper, work, otherWork }: OverlayDescription): {
  readonly written: readonly (readonly ['upper' | 'work', Buffer])[];
  readonly read: readonly Buffer[];
} {
  const written = [
    ['upper', upper],
    ['upper', otherUpper],
    ['work', work],
    ['work', otherWork],
  ] as const;
  return {
    written: written.flatMap(([option, path]) => (path?.[0] === SLASH ? [[option, path] as const] : [])),
    read: [...lower, ...data].filter((path) => path[0] === SLASH && path.length > 1),
  };
}

/** The directories that the table names, looked at now; what leads nowhere from here is left to the guard 'kernel'. */
export function* identify(entry: OverlayEntry, table: MountTable): Routine<LiveDirectories> {
  const { written, read } = pathsOf(entry.overlay);
  const silent = yield* unanswered([...written.map(([, path]) => path), ...read], table);
  const answers = (path: Buffer) => silent.size === 0 || !silent.has(path.toString('latin1'));
  const program = new Program();
  const identified = (path: Buffer) => {
    const mask = STATX_INO;
    return {
      path,
      step: program.add('statx', MAY_FAIL | WANT, AT_FDCWD, path, AT_STATX_DONT_SYNC, mask),
    };
  };
  const uppers = written
    .filter(([, path]) => answers(path))
    .map(([option, path]) => {
      const one = identified(path);
      const dir = program.add('openat', MAY_FAIL, AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
      return { ...one, option, chain: program.add('ancestors', MAY_FAIL | WANT, dir, none) };
    });
  const lowers = read.filter(answers).map(identified);
  if (program.steps > 0) yield* program.run();
  const seen = <T extends { readonly step: number }>(all: readonly T[]) =>
    all.flatMap((one) => {
      const statx = program.bytes(one.step);
      return statx === undefined ? [] : [{ ...one, identity: identityOf(statx), overlay: entry }];
    });
  const found = seen(uppers).map(({ chain, ...one }) => ({ ...one, above: program.bytes(chain) ?? none }));
  return {
    uppers: found,
    lowers: seen(lowers),
    above: Buffer.concat(found.map(({ above }) => above.subarray(IDENTITY_SIZE))),
  };
}
