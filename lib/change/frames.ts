// Where the tree as it was has what a path means now: elsewhere below a directory that was renamed, nowhere below a new one.
import type { Change } from '../layer/change.ts';
import { keyOf } from './entry-key.ts';
import { split } from './target.ts';

export class Frames {
  /** Paths of directories, and where each was; undefined for one that was not there. */
  readonly #was = new Map<string, string | undefined>();

  constructor(changes: readonly Change[]) {
    for (const { kind, path, type, from, what } of changes) {
      if (type !== 'directory' || kind === 'deleted') continue;
      if (from !== undefined) this.#was.set(keyOf(path), keyOf(from));
      else if (kind === 'added' || what.includes('type')) this.#was.set(keyOf(path), undefined);
    }
  }

  /** A directory of now is there already, at a place of the tree as it was. */
  stays(path: string, place: string): void {
    this.#was.set(path, place);
  }

  /** Undefined below a directory that was not there. What is said of the path itself does not count. */
  placeOf(path: string): string | undefined {
    for (let { parent } = split(path); parent !== ''; { parent } = split(parent)) {
      if (!this.#was.has(parent)) continue;
      const was = this.#was.get(parent);
      return was === undefined ? undefined : was + path.slice(parent.length);
    }
    return path;
  }

  /** Where a directory of now was; undefined when it was not. */
  directoryAt(path: string): string | undefined {
    return this.#was.has(path) ? this.#was.get(path) : this.placeOf(path);
  }
}

/** The paths from the first below the root to the path itself. */
export function* ancestorsOf(path: string): Generator<string> {
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) yield path.slice(0, at);
}
