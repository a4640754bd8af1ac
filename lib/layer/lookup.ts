// What lookup() tells of a path: which layer gives it, what each of the others has there, and why that is not seen.
import type { Finding, OverlayError } from '../format/overlay-error.ts';
import type { EntryPath, EntryType } from './change.ts';
import type { LayerPlace, MergedEntry } from './merged-entry.ts';

/**
 * - `shown`: its metadata are what the merged view shows, and its content, unless another layer is `content`
 * - `merged`: a directory whose entries show through
 * - `content`: the content of a file of which a layer above has only the metadata
 * - `passed`: a file without content, neither at the top nor at the end of the way to it
 * - `deletes`: it is a whiteout
 * - `hidden`: something is there, and not seen
 * - `absent`: nothing is there
 * - `unreadable`: it could not be looked at
 */
export type Role = 'shown' | 'merged' | 'content' | 'passed' | 'deletes' | 'hidden' | 'absent' | 'unreadable';

/**
 * - `whiteout`: a layer above says that the name, or a directory on the way, is deleted
 * - `opaque`: a directory above hides what lies below
 * - `covered`: something above is no directory, or this is none below a directory
 * - `redirect`: a layer above says that its directory has another name below
 */
export interface HiddenBy extends LayerPlace {
  readonly why: 'whiteout' | 'opaque' | 'covered' | 'redirect';
}

/** What one layer has at the path. */
export interface LayerLook extends LayerPlace {
  readonly role: Role;
  /** Absent when nothing is there. */
  readonly type?: EntryType;
  readonly whiteout?: 'device' | 'xattr';
  /** A directory that says so. */
  readonly opaque?: true;
  /** Another name that it gives for the layers below. */
  readonly redirect?: EntryPath;
  /** A file without its content. */
  readonly metacopy?: true;
  readonly hiddenBy?: HiddenBy;
  readonly error?: OverlayError;
}

export interface Lookup {
  readonly path: EntryPath;
  /** Absent when the merged view has nothing there. */
  readonly entry?: MergedEntry;
  /** Top first; data layers only when they were asked for the content. */
  readonly layers: readonly LayerLook[];
  /** What a mounted overlay fails with, here or on the way. */
  readonly error?: OverlayError;
  /** What is wrong or damaged there in any layer, also what an overlay passes over. */
  readonly findings: readonly Finding[];
}
