// Reads entries of a stack by their paths; the directories on the way are looked up once.
import { type FileHandle, open as openFile } from 'node:fs/promises';
import type { PathLike } from '../format/mount-spec.ts';
import { OverlayError, shown } from '../format/overlay-error.ts';
import { bytesToPath, latin1ToPath } from '../format/path-bytes.ts';
import { call, close } from '../kernel/call.ts';
import { procPath } from '../kernel/constants.ts';
import type { Routine } from '../kernel/routine.ts';
import type { EntryPath } from './change.ts';
import { findData } from './data-layers.ts';
import { unreadable } from './finding.ts';
import { openPlace } from './layer.ts';
import { contentOf, type MergedEntry, mergedEntry, topOf, typeOf } from './merged-entry.ts';
import type { Run } from './opened-ahead.ts';
import { type Found, findIn, findRoot, namesOf } from './paths.ts';
import type { RealEntry } from './real-entry.ts';
import type { Rules } from './rules.ts';

/** Entries by their paths, no symbolic link followed. */
export interface StackReader {
  /** What the merged view has there; undefined when it has nothing. */
  entry(path: PathLike): Promise<MergedEntry | undefined>;
  /** Opens the content of a regular file for reading. */
  open(path: PathLike): Promise<FileHandle>;
  /** Where a symbolic link leads, as it is written there. */
  readlink(path: PathLike): Promise<EntryPath>;
}

export function nothingThere(path: string, code: string, sentence: string, hint: string): OverlayError {
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

export class Reader implements StackReader {
  readonly #rules: Rules;
  readonly #run: Run;
  readonly #directories = new Map<string, Found>();
  #last: Found | undefined;

  constructor(rules: Rules, run: Run) {
    this.#rules = rules;
    this.#run = run;
  }

  *#look(names: readonly string[]): Routine<Found> {
    const path = names.join('/');
    const known = this.#directories.get(path) ?? (this.#last?.path === path ? this.#last : undefined);
    if (known !== undefined) return known;
    const found: Found =
      names.length === 0
        ? yield* findRoot(this.#rules)
        : yield* findIn(this.#rules, yield* this.#look(names.slice(0, -1)), names);
    if (found.dir === undefined) this.#last = found;
    else this.#directories.set(path, found);
    return found;
  }

  async entry(path: PathLike): Promise<MergedEntry | undefined> {
    const found = await this.#run(this.#look(namesOf(path)));
    return mergedEntry(found.path, found.resolution);
  }

  /** What a path stands for; throws when nothing is there, or what a mounted overlay fails with. */
  async find(names: readonly string[]): Promise<Found> {
    const found = await this.#run(this.#look(names));
    if (found.resolution.problem !== undefined) throw found.resolution.problem;
    if (topOf(found.resolution) === undefined) throw notFound(found.path);
    return found;
  }

  async open(path: PathLike): Promise<FileHandle> {
    const found = await this.find(namesOf(path));
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
    const { resolution, path: place } = await this.find(namesOf(path));
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
}
