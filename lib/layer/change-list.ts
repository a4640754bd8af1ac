// The changes of a stack that is opened when they are asked for: one by one as they are found, or as an array.
import type { Finding } from '../format/overlay-error.ts';
import type { Change } from './change.ts';
import type { ChangeOptions } from './changes.ts';
import { rememberSource, sourceOf } from './changes-source.ts';
import type { Stack } from './stack.ts';
import { FindingList, type Findings } from './walk.ts';

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

class OpenedChanges extends AwaitableChanges {
  readonly #open: () => Promise<Stack>;
  readonly #options: ChangeOptions | undefined;
  readonly #tells: (change: Change) => Change | undefined;
  #found: Pick<Findings<Change>, 'findings' | 'complete'> = new FindingList();

  constructor(
    open: () => Promise<Stack>,
    options: ChangeOptions | undefined,
    tells: (change: Change) => Change | undefined,
  ) {
    super();
    this.#open = open;
    this.#options = options;
    this.#tells = tells;
  }

  get findings(): readonly Finding[] {
    return this.#found.findings;
  }

  get complete(): boolean {
    return this.#found.complete;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Change, void> {
    await using stack = await this.#open();
    const changes = stack.changes(this.#options);
    this.#found = changes;
    for await (const change of changes) {
      const told = this.#tells(change);
      if (told !== undefined) yield told;
    }
  }
}

/** @param tells what is told of a change; undefined: nothing */
export function changeList(
  open: () => Promise<Stack>,
  options?: ChangeOptions,
  tells: (change: Change) => Change | undefined = (change) => change,
): ChangeList {
  return new OpenedChanges(open, options, tells);
}
