// In what two entries differ, as far as statx(2) and their attributes tell it.
import { parseOverlayXattr } from '../format/overlay-xattr.ts';
import type { EntryStat } from '../kernel/scan-directory.ts';
import type { ChangedWhat } from './change.ts';
import { type EntryType, typeOf } from './merged-entry.ts';

/** What must be known of an entry; what a scan gives fits. */
export interface ComparedEntry {
  readonly stat: EntryStat;
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

export interface Comparison {
  /** The differences, but for the content where that has to be read. */
  readonly what: readonly ChangedWhat[];
  /** Both are files of one size, or links: only reading tells whether the content differs. */
  readonly contentUnknown: boolean;
}

const EMPTY = 0;

/** The attributes that belong to no overlay: in a plain directory nobody knows whose notes the others are. */
export function withoutNotes(xattrs: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  if (xattrs.size === 0) return xattrs;
  return new Map([...xattrs].filter(([name]) => parseOverlayXattr(name) === undefined));
}

function sameXattrs(before: ReadonlyMap<string, Buffer>, after: ReadonlyMap<string, Buffer>): boolean {
  if (before.size !== after.size) return false;
  for (const [name, value] of before) if (after.get(name)?.equals(value) !== true) return false;
  return true;
}

/** Whether it is one and the same file, unchanged between the two looks. */
export function isSameFile(before: EntryStat, after: EntryStat): boolean {
  return (
    before.devMajor === after.devMajor &&
    before.devMinor === after.devMinor &&
    before.ino === after.ino &&
    before.ctime === after.ctime
  );
}

// Undefined: has to be read.
function isSameContent(type: EntryType, before: EntryStat, after: EntryStat): boolean | undefined {
  switch (type) {
    case 'file':
      if (before.size !== after.size) return false;
      return before.size === EMPTY ? true : undefined;
    case 'symlink':
      return before.size === after.size ? undefined : false;
    case 'character':
    case 'block':
      return before.rdevMajor === after.rdevMajor && before.rdevMinor === after.rdevMinor;
    default:
      return true;
  }
}

/** Compares two entries of one name. */
export function compareEntries(before: ComparedEntry, after: ComparedEntry): Comparison {
  const [a, b] = [before.stat, after.stat];
  if (isSameFile(a, b)) return { what: [], contentUnknown: false };
  const type = typeOf(b);
  if (typeOf(a) !== type) return { what: ['type'], contentUnknown: false };
  const same = isSameContent(type, a, b);
  const what: ChangedWhat[] = [];
  if (same === false) what.push('content');
  if ((a.mode & 0o7777) !== (b.mode & 0o7777)) what.push('mode');
  if (a.uid !== b.uid || a.gid !== b.gid) what.push('owner');
  if (a.mtime !== b.mtime) what.push('mtime');
  if (!sameXattrs(before.xattrs, after.xattrs)) what.push('xattr');
  return { what, contentUnknown: same === undefined };
}
