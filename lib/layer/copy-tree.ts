// Copies a directory with all in it, into an empty one: content, owners, permissions, attributes, times, links and holes.
import { link, open, symlink } from 'node:fs/promises';
import { OverlayError } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import {
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  procPath,
  S_IFCHR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../kernel/constants.ts';
import { copyContent } from '../kernel/copy-content.ts';
import { deviceNumber } from '../kernel/device-number.ts';
import { EPERM } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { reach } from '../kernel/reach.ts';
import { type Routine, runAsync } from '../kernel/routine.ts';
import { type ReadEntry, type ScannedEntry, scanEntry } from '../kernel/scan-directory.ts';
import { makeUsableDirectory } from '../kernel/usable-directory.ts';
import { placeIn, walkTree } from '../kernel/walk-tree.ts';
import type { Attributes } from './attributes.ts';
import { attributesFor, type CopiedAttributes, giveCopied, notPermitted } from './copied-attributes.ts';
import { INSIDE } from './layer.ts';
import { type FailedCall, isFailedCall } from './path-failure.ts';
import { placeFailure, scanFailure } from './tree-failure.ts';
import type { TreeRoot } from './tree-root.ts';
import { isInOverlay } from './whiteout-refusal.ts';

/** How far a copy has come. */
export interface CopyProgress {
  /** Entries that are there. */
  readonly entries: number;
  /** Of content that was copied, not counting what shares its blocks with the original. */
  readonly bytes: number;
}

export interface CopyOptions extends CopiedAttributes {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

// So many entries of a directory are under way at a time; Node's pool has four threads.
const AT_ONCE = 8;
// Until the end a directory is open to its owner, who has to fill it.
const OPEN = 0o700;
const READ = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** Where a name of a directory is reached: by a descriptor of that, however long its path is. */
function at(dir: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${procPath(dir)}/`), name]);
}

export class TreeCopy {
  readonly #from: TreeRoot;
  readonly #to: TreeRoot;
  readonly #options: CopyOptions;
  /** Of directories, which get them when they are full. */
  readonly #directories: (readonly [string, Attributes])[] = [];
  /** The first name of each file with several. */
  readonly #links = new Map<string, { readonly place: string; readonly made: Promise<void> }>();
  #entries = 0;
  #bytes = 0;

  constructor(from: TreeRoot, to: TreeRoot, options: CopyOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
  }

  /** @throws {OverlayError} what was copied so far stays */
  async all(): Promise<void> {
    const { signal } = this.#options;
    const root = await runAsync(scanEntry(this.#from.fd, '', { xattrs: [''] }));
    this.#directories.push(['', attributesFor(this.#options, this.#read('', root))]);
    const request = { resolve: INSIDE, xattrs: [''], signal };
    for await (const batch of walkTree(this.#from.fd, request)) {
      if (batch.error !== undefined) throw placeFailure(this.#from, batch.place, batch.error);
      await this.#inTarget(batch.place, async (dir) => {
        for (let i = 0; i < batch.entries.length; i += AT_ONCE) {
          signal?.throwIfAborted();
          const some = batch.entries.slice(i, i + AT_ONCE);
          // All of them are waited for: whoever cleans up after a failure is to meet nothing new.
          const done = await Promise.allSettled(
            some.map((entry) => {
              const place = placeIn(batch.place, entry.name);
              return this.#entry(batch.fd, dir, place, this.#read(place, entry));
            }),
          );
          for (const one of done) if (one.status === 'rejected') throw one.reason;
          this.#tell(some.length, 0);
        }
      });
    }
    for (const [place, attributes] of this.#directories.reverse())
      await this.#inTarget(place, (dir) => this.#give(dir, place, attributes));
  }

  #tell(entries: number, bytes: number): void {
    this.#entries += entries;
    this.#bytes += bytes;
    this.#options.onProgress?.({ entries: this.#entries, bytes: this.#bytes });
  }

  #read(place: string, entry: ScannedEntry): ReadEntry {
    if (entry.error !== undefined) throw scanFailure(this.#from, place, entry.error);
    return entry;
  }

  async #entry(source: number, dir: number, place: string, entry: ReadEntry): Promise<void> {
    const { stat, name } = entry;
    if (stat.isDirectory) {
      this.#directories.push([place, attributesFor(this.#options, entry)]);
      return await this.#intoTarget(place, () => runAsync(makeUsableDirectory(dir, name, OPEN)));
    }
    if (stat.nlink < 2) return await this.#make(source, dir, place, entry);
    const inode = `${stat.devMajor}:${stat.devMinor}:${stat.ino}`;
    const first = this.#links.get(inode);
    if (first !== undefined) {
      await first.made;
      return await this.#link(first.place, dir, place, name);
    }
    const made = this.#make(source, dir, place, entry);
    this.#links.set(inode, { place, made });
    await made;
  }

  async #link(first: string, dir: number, place: string, name: Buffer): Promise<void> {
    const slash = first.lastIndexOf('/');
    const firstName = Buffer.from(first.slice(slash + 1), 'latin1');
    await this.#inTarget(first.slice(0, Math.max(slash, 0)), (parent) =>
      this.#intoTarget(place, () => link(at(parent, firstName), at(dir, name))),
    );
  }

  async #make(source: number, dir: number, place: string, entry: ReadEntry): Promise<void> {
    const { stat, name } = entry;
    const type = stat.mode & S_IFMT;
    if (type === S_IFREG) await this.#file(source, dir, place, name);
    else if (type === S_IFLNK) {
      const target = await this.#outOfSource(place, () => runAsync(call('readlinkat', source, name)));
      await this.#intoTarget(place, () => symlink(target, at(dir, name)));
    } else {
      const device = deviceNumber({ major: stat.rdevMajor, minor: stat.rdevMinor });
      await this.#intoTarget(place, () => runAsync(this.#node(dir, name, type, device, place)));
    }
    const fd = await this.#intoTarget(place, () =>
      runAsync(call('openat', dir, name, O_PATH | O_NOFOLLOW, 0)),
    );
    try {
      await this.#give(fd, place, attributesFor(this.#options, entry));
    } finally {
      close(fd);
    }
  }

  *#node(dir: number, name: Buffer, type: number, device: number, place: string): Routine<void> {
    try {
      yield* call('mknodat', dir, name, type | 0o600, device);
    } catch (error) {
      const isWhiteout = type === S_IFCHR && device === 0;
      if (!(error instanceof KernelError) || error.errno !== -EPERM || !isWhiteout) throw error;
      const { path } = this.#failed(place, error);
      if (!(yield* isInOverlay(dir))) throw error;
      const sentence = `${path} would be in an overlay, where the kernel lets nobody make device whiteouts`;
      const hint = 'write it to another filesystem';
      throw new OverlayError([{ code: 'ERR_OVERLAY_WHITEOUT_REFUSED', sentence, hint, path: path! }], error);
    }
  }

  async #file(source: number, dir: number, place: string, name: Buffer): Promise<void> {
    const fd = await this.#outOfSource(place, () => runAsync(call('openat2', source, name, READ, 0, INSIDE)));
    try {
      // A file of this user's, opened anew, so that node:fs owns the descriptor.
      await using file = await this.#outOfSource(place, () => open(procPath(fd)));
      await this.#intoTarget(place, () => copyContent(file, at(dir, name), (count) => this.#tell(0, count)));
    } finally {
      close(fd);
    }
  }

  async #inTarget<T>(place: string, use: (dir: number) => Promise<T>): Promise<T> {
    const path = Buffer.from(place === '' ? '.' : place, 'latin1');
    const fd = await this.#intoTarget(place, () =>
      runAsync(
        reach(this.#to.fd, path, INSIDE, (dir, rest) =>
          call('openat2', dir, rest, O_PATH | O_NOFOLLOW, 0, INSIDE),
        ),
      ),
    );
    try {
      return await use(fd);
    } finally {
      close(fd);
    }
  }

  async #give(fd: number, place: string, attributes: Attributes): Promise<void> {
    try {
      await runAsync(giveCopied(this.#options, fd, attributes));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      throw error.errno === -EPERM
        ? notPermitted(placeFailure(this.#from, place, error).path!, error, attributes)
        : this.#failed(place, error);
    }
  }

  #failed(place: string, error: FailedCall): OverlayError {
    return placeFailure(this.#to, place, error);
  }

  async #intoTarget<T>(place: string, use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      throw isFailedCall(error) ? this.#failed(place, error) : error;
    }
  }

  async #outOfSource<T>(place: string, use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      throw isFailedCall(error) ? placeFailure(this.#from, place, error) : error;
    }
  }
}
