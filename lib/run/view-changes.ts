// What a command has changed in its views: one list, told from their common root.
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import { bytesToPath } from '../format/path-bytes.ts';
import type { Change, EntryPath } from '../layer/change.ts';
import { AwaitableChanges, type ChangeList } from '../layer/change-list.ts';
import type { ChangeOptions } from '../layer/changes.ts';
import { rememberSource, sourceOf } from '../layer/changes-source.ts';
import type { View } from './views.ts';

function below(place: string, path: EntryPath): EntryPath {
  if (place === '') return path;
  const inside = Buffer.from(path as Uint8Array);
  const prefix = Buffer.from(place, 'latin1');
  return bytesToPath(path === '.' ? prefix : Buffer.concat([prefix, Buffer.from('/'), inside]));
}

function moved(place: string, change: Change): Change {
  const { path, from, linkTo } = change;
  return {
    ...change,
    path: below(place, path),
    ...(from !== undefined && { from: below(place, from) }),
    ...(linkTo !== undefined && { linkTo: below(place, linkTo) }),
  };
}

class ViewChanges extends AwaitableChanges {
  readonly #views: readonly View[];
  readonly #options: ChangeOptions | undefined;
  #lists: readonly ChangeList[] = [];
  #failed: Finding[] = [];

  constructor(views: readonly View[], options: ChangeOptions | undefined) {
    super();
    this.#views = views;
    this.#options = options;
    const [first, ...others] = views;
    if (first !== undefined && others.length === 0 && first.place === '')
      rememberSource(this, sourceOf(first.overlay.changes(options)));
  }

  get findings(): readonly Finding[] {
    return [...this.#failed, ...this.#lists.flatMap(({ findings }) => findings)];
  }

  get complete(): boolean {
    return this.#failed.length === 0 && this.#lists.every(({ complete }) => complete);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Change, void> {
    const lists = this.#views.map(({ place, overlay }) => ({ place, list: overlay.changes(this.#options) }));
    this.#lists = lists.map(({ list }) => list);
    this.#failed = [];
    for (const { place, list } of lists) {
      try {
        for await (const change of list) yield moved(place, change);
      } catch (error) {
        // What was mounted there may have been unmounted meanwhile: no reason to keep silent on all the others.
        if (lists.length === 1 || !(error instanceof OverlayError)) throw error;
        this.#failed.push(...error.findings);
      }
    }
  }
}

/** One list of what was changed in all views. */
export function viewChanges(views: readonly View[], options?: ChangeOptions): ChangeList {
  return new ViewChanges(views, options);
}
