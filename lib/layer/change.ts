// What a change is: how an entry of one tree differs from the entry of the same path in another.
import type { OverlayError } from '../format/overlay-error.ts';

/** Text where the bytes are UTF-8, the bytes themselves where they are not. */
export type EntryPath = string | Buffer;

/** `'unknown'`: the entry cannot be looked at. */
export type EntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'block'
  | 'character'
  | 'unknown';

/**
 * - `type`: of another kind; nothing else is then compared
 * - `content`: bytes of a file, target of a symbolic link, numbers of a device
 * - `mode`: permissions, set-id and sticky bits
 * - `owner`: user or group
 * - `mtime`: to the nanosecond; of directories too
 * - `xattr`: any extended attribute, ACLs among them, but none of the overlay's own. In an overlay those of another one
 *   over it count; of two plain directories the attributes of no overlay do
 */
export type ChangedWhat = 'content' | 'mode' | 'owner' | 'mtime' | 'xattr' | 'type';

/**
 * How the tree after differs from the tree before at one path. Applied in their order, changes turn the one into the
 * other; what `from` names is taken from the tree as it was before all of them.
 *
 * - `deleted`: there is nothing now. One change stands for a directory with all that was in it.
 * - `added`: there was nothing. Each entry of an added directory is a change of its own.
 * - `modified`: both are there, and differ in `what`. A directory is modified by its own attributes alone; entries that
 *   come and go are changes of their own, and show in its mtime. Where the type changed from a directory, all that was in
 *   it is gone; where it changed to one, all in it is `added`.
 */
export interface Change {
  readonly kind: 'added' | 'modified' | 'deleted';
  /** From the root of the tree, without a slash before it; `.` for the root itself. */
  readonly path: EntryPath;
  /** What it is now; of what was deleted, what it was. */
  readonly type: EntryType;
  /**
   * What an overlay knows to be renamed: the path before. A directory is there now with all that it had in it, and
   * further changes in it are told as against that. `what` is how it differs from what was renamed, and what was at
   * `path` before is gone: `modified` says that there was something. That nothing is at `from` any more, or something
   * else, is a change of its own.
   */
  readonly from?: EntryPath;
  /** Empty for `added` without `from`, and for `deleted`. */
  readonly what: readonly ChangedWhat[];
  /** Set for each further name of a file with several: the path of the one that was told first. */
  readonly linkTo?: EntryPath;
  /** Why it is not known whether, or in what, it differs. */
  readonly error?: OverlayError;
}

/**
 * Only the time of the root differs. A view has that of when it was made, an upper one of its own, and a file that came and
 * went changes it: by itself it tells of nothing that is there to be looked at.
 */
export function isRootTime({ path, what, error }: Change): boolean {
  return path === '.' && error === undefined && what.every((part) => part === 'mtime');
}

// Not an object: the formatter reads octal numbers as keys for decimal ones.
const TYPES: ReadonlyMap<number, EntryType> = new Map([
  [0o010000, 'fifo'],
  [0o020000, 'character'],
  [0o040000, 'directory'],
  [0o060000, 'block'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
  [0o140000, 'socket'],
]);

/** The type in a mode. Source: inode(7). */
export function entryType(mode: number): EntryType {
  return TYPES.get(mode & 0o170000) ?? 'unknown';
}
