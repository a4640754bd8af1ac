// What applying consists of: things are taken out of the tree, put into it, and given their attributes, in this order.
import type { EntryType } from '../layer/change.ts';

/** Moves what is at a place of the tree as it was into the journal. */
export interface Take {
  readonly place: string;
  readonly id: number;
  readonly type: EntryType;
  /** It is put somewhere else; otherwise it is removed at the end. */
  readonly kept: boolean;
}

/** Moves something from the journal to a path of the tree as it will be. */
export interface Put {
  readonly path: string;
  readonly type: EntryType;
  readonly id: number;
  /**
   * - `taken`: what was at `from`
   * - `copied`: what the merged view has at `path`, but for what is in a directory
   * - `linked`: another name of what is staged as `leader`
   */
  readonly how: 'taken' | 'copied' | 'linked';
  readonly from?: string;
  readonly leader?: number;
  /** There is something that it replaces. */
  readonly over: boolean;
}

/** Gives an entry of the tree the attributes that the merged view has at `path`. */
export interface Give {
  readonly path: string;
  readonly type: EntryType;
  /** Only the time, of a directory whose entries come and go. */
  readonly timeOnly: boolean;
  /** Which it must be, when it was there before. */
  readonly inode?: string;
  /** Part of another step, for who reads the plan. */
  readonly silent: boolean;
}

export interface Steps {
  /** Deepest first, so that each is still where it was. */
  readonly takes: readonly Take[];
  /** Directories before what is in them. */
  readonly puts: readonly Put[];
  /** Directories last, and after what is in them. */
  readonly gives: readonly Give[];
}
