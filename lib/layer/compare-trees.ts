// compareTrees(): what differs between two plain directories, found by walking both.
import { FLAG, readOptions } from '../format/given.ts';
import type { LayerSource } from '../format/mount-spec.ts';
import type { Finding } from '../format/overlay-error.ts';
import { close } from '../kernel/call.ts';
import { runAsync } from '../kernel/routine.ts';
import type { Change } from './change.ts';
import { ContentComparer } from './content-comparer.ts';
import { DoubleWalk } from './double-walk.ts';
import { requireProc } from './require-proc.ts';
import { STREAM_CHECKS } from './streaming.ts';
import { checkTreeRoot, openTreeRoot, type TreeRoot } from './tree-root.ts';
import { FindingList, type Findings } from './walk.ts';

/** How far a comparison has come. */
export interface CompareProgress {
  /** Entries of both trees that have been read. */
  readonly entries: number;
  /** Bytes of content that have been read, of both trees. */
  readonly bytes: number;
}

export interface CompareOptions {
  /** Looks also into what is mounted in the trees. Default: false, and each such mount is told of as an error. */
  readonly crossMounts?: boolean;
  /** Takes files of the same size and mtime for equal. Default: false, and files of the same size are read. */
  readonly trustMtime?: boolean;
  /** Ends the comparison: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called now and then while the comparison goes on. */
  readonly onProgress?: (progress: CompareProgress) => void;
}

type Settings = Required<Pick<CompareOptions, 'crossMounts' | 'trustMtime'>> &
  Pick<CompareOptions, 'signal' | 'onProgress'>;

class TreeComparison implements Findings<Change> {
  readonly #found = new FindingList();
  readonly #sources: readonly [LayerSource, LayerSource];
  readonly #settings: Settings;

  constructor(before: LayerSource, after: LayerSource, settings: Settings) {
    this.#sources = [before, after];
    this.#settings = settings;
  }

  get findings(): readonly Finding[] {
    return this.#found.findings;
  }

  get complete(): boolean {
    return this.#found.complete;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Change, void> {
    this.#settings.signal?.throwIfAborted();
    requireProc();
    const [before, after] = this.#sources;
    const first = await runAsync(openTreeRoot(before, 'before'));
    try {
      const second = await runAsync(openTreeRoot(after, 'after'));
      try {
        for await (const change of this.#walk(first, second)) {
          this.#found.add(change.error);
          yield change;
        }
      } finally {
        close(second.fd);
      }
    } finally {
      close(first.fd);
    }
  }

  #walk(before: TreeRoot, after: TreeRoot): AsyncGenerator<Change, void> {
    const { crossMounts, trustMtime, signal, onProgress } = this.#settings;
    let [entries, bytes] = [0, 0];
    const onBytes = (count: number): void => {
      bytes += count;
      onProgress?.({ entries, bytes });
    };
    const onEntries = (count: number): void => {
      entries += count;
      onProgress?.({ entries, bytes });
    };
    const content = new ContentComparer({ trustMtime, signal, onBytes });
    return new DoubleWalk(before, after, content, { crossMounts, signal, onEntries }).changes();
  }
}

/**
 * What differs between two plain directories, by walking both: as `diff -r` does it, but also in metadata. The roots
 * themselves are not compared. What cannot be read is told of as a change with an `error`, and the walk goes on;
 * `complete` is false then. No link is followed. Memory does not grow with the number of entries of a directory.
 *
 * Each directory comes before its entries, and a directory's deleted entries after its others; otherwise the order is
 * that of the directories on disk.
 *
 * @param before the directory as it was
 * @param after the directory as it is
 * @throws {OverlayError} for wrong arguments; while iterating: ERR_OVERLAY_NOT_FOUND and the like for the two directories themselves
 */
export function compareTrees(
  before: LayerSource,
  after: LayerSource,
  options?: CompareOptions,
): Findings<Change> {
  checkTreeRoot(before, 'before');
  checkTreeRoot(after, 'after');
  const checks = { ...STREAM_CHECKS, crossMounts: FLAG, trustMtime: FLAG };
  const given = readOptions<CompareOptions>(options, checks);
  return new TreeComparison(before, after, { crossMounts: false, trustMtime: false, ...given });
}
