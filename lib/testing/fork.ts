// A fork of a fixture as a test holds it: a directory of its own that stands for its path, and tells what became of it.
import { join } from 'node:path';
import '../kernel/dispose-symbols.ts';
import type { PathLike } from '../format/mount-spec.ts';
import type { Change } from '../layer/index.ts';
import type { KeepOptions } from '../mount/keep.ts';
import type { Scratch } from '../mount/scratch-overlay.ts';
import { type ForkChangeOptions, forkChanges } from './fork-changes.ts';

/** A copy-on-write copy of a fixture: `${fork}/file` is the path of a file in it. */
export interface Fork extends AsyncDisposable {
  /** `/proc/<pid>/fd/N`: good in this process and in child processes of the same user. It ends with the fork. */
  readonly path: string;
  /** Its root. A child process of another user gets the fork by it: `stdio: ['ignore', 'pipe', 'pipe', fork.fd]`. */
  readonly fd: number;
  /** The path of an entry. */
  join(...names: readonly string[]): string;
  /**
   * What differs from the fixture: plain objects, sorted by path. A file that was written and has the old content is not
   * among them, and times do not count, unless asked for.
   *
   * @throws {OverlayError} when it has ended, or what differs cannot be known
   */
  changes(options?: ForkChangeOptions): Promise<Change[]>;
  /** Makes it pristine again, under the same path. @throws {OverlayError} */
  reset(): Promise<void>;
  /** Writes what it has become into a new directory, to be looked at after the test. @throws {OverlayError} */
  keep(dir: PathLike, options?: KeepOptions): Promise<void>;
  /** Ends it, with all that was changed; a second time does nothing. */
  close(): Promise<void>;
  /** Its path. */
  toString(): string;
}

export class ScratchFork implements Fork {
  readonly #scratch: Scratch;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  get path(): string {
    return this.#scratch.path;
  }

  get fd(): number {
    return this.#scratch.fd;
  }

  join(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  async changes(options: ForkChangeOptions = {}): Promise<Change[]> {
    // Its end is told of as such, and not as a descriptor that is closed.
    void this.fd;
    return await forkChanges(this.#scratch.changes({ ignoreUnchanged: true }), options);
  }

  async reset(): Promise<void> {
    await this.#scratch.reset();
  }

  async keep(dir: PathLike, options?: KeepOptions): Promise<void> {
    await this.#scratch.keep(dir, options);
  }

  async close(): Promise<void> {
    await this.#scratch.unmount();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  toString(): string {
    return this.path;
  }
}
