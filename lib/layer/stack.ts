// openStack: the layers of an overlay read as the kernel would show them, mounted or not.
import type { FileHandle } from 'node:fs/promises';
import { FLAG, readOptions } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { close } from '../kernel/call.ts';
import { runAsync } from '../kernel/routine.ts';
import type { Change, EntryPath } from './change.ts';
import { type ChangeOptions, UpperChanges } from './changes.ts';
import { rememberSource } from './changes-source.ts';
import type { Layer } from './layer.ts';
import type { Lookup } from './lookup.ts';
import { type MergedEntry, mergedEntry } from './merged-entry.ts';
import { remarksOn } from './odd-notes.ts';
import type { Run } from './opened-ahead.ts';
import { namesOf } from './paths.ts';
import type { Rules } from './rules.ts';
import { nothingThere, Reader, type StackReader } from './stack-reader.ts';
import { openLayers, readStackSpec, type StackSpec } from './stack-spec.ts';
import { tellStory } from './story.ts';
import { endedBy, STREAM_CHECKS, type StreamOptions, untilAborted } from './streaming.ts';
import { FindingList, type Findings, readMerged, walkMerged } from './walk.ts';

/** The merged view of layers, without a mount. Paths begin at its root; no symbolic link is followed. Close it. */
export interface Stack extends AsyncDisposable {
  /** Which layer gives the entry, what it hides, and why. */
  lookup(path: PathLike): Promise<Lookup>;
  /** The entries of a directory, in no order. */
  readdir(path: PathLike, options?: StreamOptions): Findings<MergedEntry>;
  /**
   * An entry, and all below it when it is a directory: each directory before what is in it. Without `path`, everything.
   * What cannot be read is told by the `error` of the directory, and the walk goes on.
   */
  walk(path?: PathLike, options?: StreamOptions): Findings<MergedEntry>;
  /**
   * What the upper changes of the lowers: what would have to be done to the merged view of the lowers, for it to be that of
   * the whole stack. Without an upper nothing. Each directory comes before what is in it.
   */
  changes(options?: ChangeOptions): Findings<Change>;
  /** For many entries, while the layers stay as they are: what was found of a directory is kept. */
  reader(): StackReader;
  /** Opens the content of a regular file for reading. */
  open(path: PathLike): Promise<FileHandle>;
  /** Where a symbolic link leads, as it is written there. */
  readlink(path: PathLike): Promise<EntryPath>;
  /** Lets the layers go. What is under way fails. */
  close(): Promise<void>;
}

class OpenStack implements Stack {
  readonly #rules: Rules;
  #layers: readonly Layer[];
  #closed = false;

  readonly #spec: StackSpec;

  constructor(rules: Rules, layers: readonly Layer[], spec: StackSpec) {
    this.#rules = rules;
    this.#layers = layers;
    this.#spec = spec;
  }

  readonly #run: Run = async (routine) => {
    if (this.#closed) {
      throw new OverlayError([
        { code: 'ERR_OVERLAY_STACK_CLOSED', sentence: 'the stack has been closed', hint: 'open it again' },
      ]);
    }
    return await runAsync(routine);
  };

  async lookup(path: PathLike): Promise<Lookup> {
    return await this.#run(tellStory(this.#rules, namesOf(path)));
  }

  readdir(path: PathLike, options?: StreamOptions): Findings<MergedEntry> {
    const names = namesOf(path);
    const streaming = readOptions<StreamOptions>(options, STREAM_CHECKS);
    return this.#stream(streaming, (run, found) => this.#readdir(run, names, found));
  }

  walk(path: PathLike = '.', options?: StreamOptions): Findings<MergedEntry> {
    const names = namesOf(path);
    const streaming = readOptions<StreamOptions>(options, STREAM_CHECKS);
    return this.#stream(streaming, (run, found) => this.#walk(run, names, found));
  }

  changes(options?: ChangeOptions): Findings<Change> {
    const checks = { ...STREAM_CHECKS, ignoreUnchanged: FLAG };
    const { ignoreUnchanged = false, ...streaming } = readOptions<ChangeOptions>(options, checks);
    const changes = this.#stream(streaming, (run, found) =>
      new UpperChanges(this.#rules, ignoreUnchanged, found).all(run),
    );
    return rememberSource(changes, { layers: () => this.#spec, open: () => openStack(this.#spec) });
  }

  #stream<T>(
    { signal, onProgress }: StreamOptions,
    read: (run: Run, found: FindingList) => AsyncGenerator<T>,
  ): Findings<T> {
    const found = new FindingList(onProgress);
    const run: Run = signal === undefined ? this.#run : (routine) => this.#run(endedBy(signal, routine));
    return streamOf(found, untilAborted(signal, read(run, found)));
  }

  reader(): StackReader {
    return new Reader(this.#rules, this.#run);
  }

  async open(path: PathLike): Promise<FileHandle> {
    return await this.reader().open(path);
  }

  async readlink(path: PathLike): Promise<EntryPath> {
    return await this.reader().readlink(path);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { fd } of this.#layers) close(fd);
    this.#layers = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *#readdir(run: Run, names: readonly string[], found: FindingList): AsyncGenerator<MergedEntry> {
    const { path, dir } = await new Reader(this.#rules, this.#run).find(names);
    if (dir === undefined) {
      throw nothingThere(path, 'ERR_OVERLAY_NOT_DIRECTORY', 'is no directory', 'name a directory');
    }
    yield* readMerged(run, this.#rules, dir, found);
  }

  async *#walk(run: Run, names: readonly string[], found: FindingList): AsyncGenerator<MergedEntry> {
    const { path, dir, resolution } = await new Reader(this.#rules, this.#run).find(names);
    const entry = mergedEntry(path, resolution)!;
    found.remark(remarksOn(this.#rules, resolution));
    if (dir !== undefined) yield* walkMerged(run, this.#rules, { entry, dir }, found);
    else yield entry;
  }
}

function streamOf<T>(found: FindingList, entries: AsyncGenerator<T>): Findings<T> {
  return {
    findings: found.findings,
    get complete() {
      return found.complete;
    },
    [Symbol.asyncIterator]: () => entries,
  };
}

/**
 * Opens layers to be read as one, as an overlay of them would show them: no mount, and no privilege needed to read what
 * this user may read. Everything is reached beneath the layers' roots, through no symbolic link.
 *
 * @throws {OverlayError} for a layer that cannot be opened, and options that the kernel refuses together
 */
export async function openStack(given: StackSpec): Promise<Stack> {
  const spec = readStackSpec(given);
  const { rules, layers } = await runAsync(openLayers(spec));
  return new OpenStack(rules, layers, spec);
}
