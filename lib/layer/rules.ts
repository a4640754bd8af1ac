// What a search through a stack goes by: its root, its data layers, and the mount options that change what is seen.
import type { Dialect } from '../format/overlay-xattr.ts';
import type { EntryStat } from '../kernel/scan-directory.ts';
import type { Layer, RealDirectory } from './layer.ts';

/** A directory of the merged view: the directories that it is made of, top first. */
export interface MergedDirectory {
  /** In the merged view, one character a byte; empty for the root. */
  readonly path: string;
  readonly upper: RealDirectory | undefined;
  readonly lowers: readonly RealDirectory[];
}

export interface Rules {
  /** The roots of the upper and of all lowers. */
  readonly root: MergedDirectory;
  readonly data: readonly Layer[];
  readonly dialect: Dialect;
  /** Redirects are followed. */
  readonly follow: boolean;
  readonly metacopy: boolean;
  /** A directory in a layer that is the root of one. */
  readonly isLayerRoot: (stat: EntryStat) => boolean;
}
