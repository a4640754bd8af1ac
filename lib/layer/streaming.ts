// How a stream of entries or changes is ended from outside, and tells how far it has come.
import { CALLBACK, type Check, SIGNAL } from '../format/given.ts';
import type { Routine } from '../kernel/routine.ts';

/** How far a stream has come. */
export interface StreamProgress {
  /** That have been looked at. */
  readonly entries: number;
}

export interface StreamOptions {
  /** Ends the stream: the iteration throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called now and then while the stream goes on. */
  readonly onProgress?: (progress: StreamProgress) => void;
}

export const STREAM_CHECKS: { readonly [K in keyof StreamOptions]-?: Check } = {
  signal: SIGNAL,
  onProgress: CALLBACK,
};

/** The routine, ended by the signal before its next blocking step; what it has open is closed then. */
export function* endedBy<T>(signal: AbortSignal, routine: Routine<T>): Routine<T> {
  signal.throwIfAborted();
  let turn = routine.next();
  while (!turn.done) {
    let value: unknown;
    try {
      signal.throwIfAborted();
      value = yield turn.value;
    } catch (error) {
      turn = routine.throw(error);
      continue;
    }
    turn = routine.next(value);
  }
  return turn.value;
}

/** The stream, ended by the signal before its next item. */
export async function* untilAborted<T>(
  signal: AbortSignal | undefined,
  items: AsyncGenerator<T>,
): AsyncGenerator<T> {
  if (signal === undefined) return yield* items;
  signal.throwIfAborted();
  for await (const item of items) {
    yield item;
    signal.throwIfAborted();
  }
}
