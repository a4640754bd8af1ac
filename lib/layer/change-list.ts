// Changes as they are asked for: one by one as they are found, or as an array.
import type { Finding } from '../format/overlay-error.ts';
import type { Change } from './change.ts';
import { rememberSource, sourceOf } from './changes-source.ts';
import type { Findings } from './walk.ts';

/** `for await` gives them as they are found; `await` gives an array of all. Each looks anew. */
export interface ChangeList extends Findings<Change>, PromiseLike<Change[]> {}

/** What iterates can be awaited too. */
export abstract class AwaitableChanges implements ChangeList {
  abstract readonly findings: readonly Finding[];
  abstract readonly complete: boolean;
  abstract [Symbol.asyncIterator](): AsyncGenerator<Change, void>;

  async #all(): Promise<Change[]> {
    const all: Change[] = [];
    for await (const change of this) all.push(change);
    return rememberSource(all, sourceOf(this));
  }

  // biome-ignore lint/suspicious/noThenProperty: what is awaited is an array
  then<A = Change[], B = never>(
    onFulfilled?: ((value: Change[]) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#all().then(onFulfilled, onRejected);
  }
}
