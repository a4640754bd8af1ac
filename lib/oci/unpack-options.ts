// What unpacking takes besides a layer and a directory, checked.
import { FormatError } from '../format/format-error.ts';
import { CALLBACK, CHECKED_LATER, FLAG, readOptions, SIGNAL, TEXT } from '../format/given.ts';
import { parseDigest } from '../format/oci/digest.ts';
import type { Lowers } from './below.ts';
import type { WhiteoutForm } from './deletions.ts';
import { failure } from './failure.ts';
import { readLimits, type UnpackLimits } from './limits.ts';

/** How far it has come. */
export interface UnpackProgress {
  /** Entries of the archive. */
  readonly entries: number;
  /** Of content. */
  readonly bytes: number;
  /** Bytes of the layer as it was given, compressed. */
  readonly read: number;
}

export interface UnpackOptions {
  /**
   * `'overlay'` (default): a layer for an overlay, deletions as it reads them. `'plain'`: the files; a directory that has
   * something in it is what the layer is laid over, and its deletions are done there.
   */
  readonly format?: 'overlay' | 'plain';
  /** Which attributes are the overlay's. Default: `'trusted'` where this process may set them, else `'user'`. */
  readonly xattrs?: 'trusted' | 'user';
  /** How deletions are said in the overlay format. Default: `'auto'`. */
  readonly whiteouts?: WhiteoutForm;
  /**
   * The layers below, top first, each unpacked in the overlay format; `[]` when there are none. With them deletions of
   * what is not there are left out, which the kernel would list; hard links may lead to files of theirs; and directories
   * without an entry of their own get the attributes that they have below. A promise is waited for when they are needed.
   */
  readonly lowers?: Lowers;
  /**
   * For who may not give files to others: owners are written into `user.rootlesscontainers`, as umoci does, and what only
   * root may make or set is left out and told in `dropped`. Default: false.
   */
  readonly rootless?: boolean;
  /** What the layer without its compression has to be. */
  readonly diffId?: string;
  /** Whether all is on the disk before it has its name. Default: true; who unpacks several syncs once. */
  readonly sync?: boolean;
  readonly limits?: UnpackLimits;
  readonly onProgress?: (progress: UnpackProgress) => void;
  readonly signal?: AbortSignal;
}

/** Checked, with all limits. */
export interface ReadUnpackOptions extends UnpackOptions {
  readonly limits?: Required<UnpackLimits>;
}

const CHECKS = {
  format: ['overlay', 'plain'],
  xattrs: ['trusted', 'user'],
  whiteouts: ['auto', 'device', 'xattr'],
  lowers: {
    expected: 'a list of directories',
    passes: (value: unknown) => Array.isArray(value) || value instanceof Promise,
  },
  rootless: FLAG,
  diffId: TEXT,
  sync: FLAG,
  limits: CHECKED_LATER,
  onProgress: CALLBACK,
  signal: SIGNAL,
} as const;

/** @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_UNKNOWN_OPTION, ERR_OVERLAY_INVALID_VALUE */
export function readUnpackOptions(given: unknown): ReadUnpackOptions {
  const options = readOptions<UnpackOptions>(given, CHECKS);
  if (options.diffId !== undefined) checkDigest(options.diffId);
  return { ...options, limits: readLimits(options.limits) };
}

function checkDigest(digest: string): void {
  try {
    parseDigest(digest);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw failure(error.code, error.message, error.hint, { option: 'diffId', cause: error });
  }
}
