// What a list of changes was made of, for functions that take the list for the layers.
import type { StackSpec } from './stack-spec.ts';

/** Where changes come from. */
export interface ChangesSource {
  /** Absent where there is no upper, and the changes are those of two trees. */
  readonly layers?: () => StackSpec;
  /** The files of the user that opens it stand for root's. */
  readonly rootless?: boolean;
  /** Opens a `Stack` whose changes these are; whoever opens it closes it. */
  readonly open: () => Promise<AsyncDisposable>;
}

// By identity, also of an array that a list was awaited into: what a caller picks out of it is a list of its own.
const sources = new WeakMap<object, ChangesSource>();

/** Has `changes` be known as what the source has. */
export function rememberSource<T extends object>(changes: T, source: ChangesSource | undefined): T {
  if (source !== undefined) sources.set(changes, source);
  return changes;
}

/** Undefined for everything that is no list of changes that the package gave. */
export function sourceOf(changes: unknown): ChangesSource | undefined {
  return typeof changes === 'object' && changes !== null ? sources.get(changes) : undefined;
}
