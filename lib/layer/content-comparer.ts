// Compares the contents of many pairs of files, a few at a time.
import { type Routine, runAsync } from '../kernel/routine.ts';
import type { EntryStat } from '../kernel/scan-directory.ts';
import {
  type FilePair,
  isSmall,
  sameLargeContents,
  sameSmallContents,
  sameTarget,
} from './compare-content.ts';
import { typeOf } from './merged-entry.ts';

// As many jobs as there are threads in the pool; each pair of large files takes two buffers of 256 kB.
const AT_ONCE = 4;
// So many pairs of small files go into one job.
const TOGETHER = 16;

export interface ContentOptions {
  /** Files of one mtime, and of one size as they all are here, are taken for equal. */
  readonly trustMtime: boolean;
  readonly signal: AbortSignal | undefined;
  /** Called with the bytes that have been read. */
  readonly onBytes: (bytes: number) => void;
}

export class ContentComparer {
  readonly #options: ContentOptions;
  readonly #waiting: (() => void)[] = [];
  readonly #small: {
    readonly pair: FilePair;
    readonly resolve: (same: boolean) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  #running = 0;

  constructor(options: ContentOptions) {
    this.#options = options;
  }

  /** Whether two files of one size, or two links, have the same content. Rejects with the error of the failed call. */
  async isSame(
    name: Uint8Array,
    before: EntryStat,
    after: EntryStat,
    { beforeDir, afterDir }: { readonly beforeDir: number; readonly afterDir: number },
  ): Promise<boolean> {
    const [a, b] = [
      { dir: beforeDir, name },
      { dir: afterDir, name },
    ] as const;
    if (typeOf(after) === 'symlink') return await this.#turn(() => sameTarget(a, b));
    if (this.#options.trustMtime && before.mtime === after.mtime) return true;
    const pair = { before: a, after: b, size: after.size };
    if (isSmall(pair)) return await this.#together(pair);
    return await this.#turn(() => sameLargeContents(pair, this.#count));
  }

  // Those that are asked for in one go wait for each other.
  #together(pair: FilePair): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#small.push({ pair, resolve, reject });
      if (this.#small.length === 1) queueMicrotask(() => this.#compareSmall());
    });
  }

  #compareSmall(): void {
    while (this.#small.length > 0) {
      const some = this.#small.splice(0, TOGETHER);
      const pairs = some.map(({ pair }) => pair);
      this.#turn(() => sameSmallContents(pairs, this.#count)).then(
        (answers) => {
          for (const [i, { resolve, reject }] of some.entries()) {
            const answer = answers[i]!;
            if (typeof answer === 'boolean') resolve(answer);
            else reject(answer);
          }
        },
        (error: unknown) => {
          for (const { reject } of some) reject(error);
        },
      );
    }
  }

  readonly #count = (bytes: number): void => {
    this.#options.signal?.throwIfAborted();
    this.#options.onBytes(bytes);
  };

  async #turn<T>(routine: () => Routine<T>): Promise<T> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      this.#options.signal?.throwIfAborted();
      return await runAsync(routine());
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
}
