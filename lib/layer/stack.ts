// openStack: the layers of an overlay read as the kernel would show them, mounted or not.
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { FLAG, readOptions } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { OverlayError, shown } from '../format/overlay-error.ts';
import { bytesToPath, latin1ToPath } from '../format/path-bytes.ts';
import { call, close } from '../kernel/call.ts';
import { procPath } from '../kernel/constants.ts';
import { type Routine, runAsync } from '../kernel/routine.ts';
import type { Change, EntryPath } from './change.ts';
import { type ChangeOptions, UpperChanges } from './changes.ts';
import { rememberSource } from './changes-source.ts';
import { findData } from './data-layers.ts';
import { unreadable } from './finding.ts';
import { type Layer, openPlace } from './layer.ts';
import type { Lookup } from './lookup.ts';
import { contentOf, type MergedEntry, mergedEntry, topOf, typeOf } from './merged-entry.ts';
import { remarksOn } from './odd-notes.ts';
import type { Run } from './opened-ahead.ts';
import { type Found, find, namesOf } from './paths.ts';
import type { RealEntry } from './real-entry.ts';
import type { Rules } from './rules.ts';
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
  /** Opens the content of a regular file for reading. */
  open(path: PathLike): Promise<FileHandle>;
  /** Where a symbolic link leads, as it is written there. */
  readlink(path: PathLike): Promise<EntryPath>;
  /** Lets the layers go. What is under way fails. */
  close(): Promise<void>;
}

function nothingThere(path: string, code: string, sentence: string, hint: string): OverlayError {
  const text = JSON.stringify(shown(latin1ToPath(path === '' ? '.' : path)));
  return new OverlayError([{ code, sentence: `${text} ${sentence}`, hint, path: shown(latin1ToPath(path)) }]);
}

const notFound = (path: string) =>
  nothingThere(
    path,
    'ERR_OVERLAY_NOT_FOUND',
    'is not in the merged view: it does not exist, or was deleted, or something on the way is no directory',
    'ask lookup() what each layer has there',
  );

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

  async open(path: PathLike): Promise<FileHandle> {
    const found = await this.#find(namesOf(path));
    const entry = await this.#run(this.#content(found));
    const fd = await this.#run(openPlace(entry));
    try {
      return await openFile(procPath(fd));
    } catch (error) {
      throw unreadable(entry, error);
    } finally {
      close(fd);
    }
  }

  async readlink(path: PathLike): Promise<EntryPath> {
    const { resolution, path: place } = await this.#find(namesOf(path));
    const entry = topOf(resolution)!;
    if (typeOf(entry.stat) !== 'symlink') {
      throw nothingThere(place, 'ERR_OVERLAY_NOT_SYMLINK', 'is no symbolic link', 'ask lookup() what it is');
    }
    const fd = await this.#run(openPlace(entry));
    try {
      return bytesToPath(await this.#run(call('readlinkat', fd, '')));
    } finally {
      close(fd);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { fd } of this.#layers) close(fd);
    this.#layers = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What a path stands for; throws when nothing is there, or what a mounted overlay fails with. */
  async #find(names: readonly string[]): Promise<Found> {
    const found = await this.#run(find(this.#rules, names));
    if (found.resolution.problem !== undefined) throw found.resolution.problem;
    if (topOf(found.resolution) === undefined) throw notFound(found.path);
    return found;
  }

  *#content({ path, resolution }: Found): Routine<RealEntry> {
    const { dataPath } = resolution;
    if (typeOf(topOf(resolution)!.stat) !== 'file') {
      throw nothingThere(path, 'ERR_OVERLAY_NOT_FILE', 'is no regular file', 'ask lookup() what it is');
    }
    const entry = dataPath === undefined ? contentOf(resolution) : yield* findData(this.#rules, dataPath);
    if (entry !== undefined) return entry;
    throw nothingThere(
      path,
      'ERR_OVERLAY_METACOPY_DATA_GONE',
      `has its content in a data layer at ${JSON.stringify(shown(latin1ToPath(dataPath!)))}, and none has a file there`,
      'name all data layers that the overlay had',
    );
  }

  async *#readdir(run: Run, names: readonly string[], found: FindingList): AsyncGenerator<MergedEntry> {
    const { path, dir } = await this.#find(names);
    if (dir === undefined) {
      throw nothingThere(path, 'ERR_OVERLAY_NOT_DIRECTORY', 'is no directory', 'name a directory');
    }
    yield* readMerged(run, this.#rules, dir, found);
  }

  async *#walk(run: Run, names: readonly string[], found: FindingList): AsyncGenerator<MergedEntry> {
    const { path, dir, resolution } = await this.#find(names);
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
