// The changes of a stack that is opened when they are asked for.
import type { Finding } from '../format/overlay-error.ts';
import type { Change } from './change.ts';
import { AwaitableChanges, type ChangeList } from './change-list.ts';
import type { ChangeOptions } from './changes.ts';
import type { Stack } from './stack.ts';
import { FindingList, type Findings } from './walk.ts';

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
