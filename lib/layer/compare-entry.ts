// In what two entries differ, as far as statx(2) and their attributes tell it.
import type { ChangedPart } from './change.ts';
import { entryType } from './change.ts';

/** What must be known of an entry; what a scan gives fits. */
export interface ComparedStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** In bytes. */
  readonly size: number;
  /** In nanoseconds. */
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly ino: bigint;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

export interface ComparedEntry {
  readonly stat: ComparedStat;
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

export interface Comparison {
  /** The differences, but for the content where that has to be read. */
  readonly parts: readonly ChangedPart[];
  /** Both are files of one size, or links: only reading tells whether the content differs. */
  readonly contentUnknown: boolean;
}

/** Whether they have the same attributes with the same values. */
export function sameXattrs(before: ReadonlyMap<string, Buffer>, after: ReadonlyMap<string, Buffer>): boolean {
  if (before.size !== after.size) return false;
  for (const [name, value] of before) if (after.get(name)?.equals(value) !== true) return false;
  return true;
}

/** Whether it is one and the same file, which has one content. */
export function sameFile(before: ComparedStat, after: ComparedStat): boolean {
  return (
    before.ino === after.ino &&
    before.devMajor === after.devMajor &&
    before.devMinor === after.devMinor &&
    before.ctime === after.ctime
  );
}

// Undefined: has to be read.
function sameContent(before: ComparedStat, after: ComparedStat): boolean | undefined {
  const type = entryType(before.mode);
  if (type === 'character' || type === 'block')
    return before.rdevMajor === after.rdevMajor && before.rdevMinor === after.rdevMinor;
  if (type !== 'file' && type !== 'symlink') return true;
  if (before.size !== after.size) return false;
  return type === 'file' && before.size === 0 ? true : undefined;
}

/** Compares two entries of one name. Of two types, content is not compared. */
export function compareEntries(before: ComparedEntry, after: ComparedEntry): Comparison {
  const [a, b] = [before.stat, after.stat];
  if (sameFile(a, b)) return { parts: [], contentUnknown: false };
  const sameType = entryType(a.mode) === entryType(b.mode);
  const same = sameType ? sameContent(a, b) : true;
  const differs: readonly [ChangedPart, boolean][] = [
    ['type', !sameType],
    ['content', same === false],
    ['mode', (a.mode & 0o7777) !== (b.mode & 0o7777)],
    ['owner', a.uid !== b.uid || a.gid !== b.gid],
    ['mtime', a.mtime !== b.mtime],
    ['xattr', !sameXattrs(before.xattrs, after.xattrs)],
  ];
  return {
    parts: differs.flatMap(([part, different]) => (different ? [part] : [])),
    contentUnknown: same === undefined,
  };
}
