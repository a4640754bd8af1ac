// One body for the promise form and the Sync form: a generator that yields its blocking steps.
import './dispose-symbols.ts';

/** Something that blocks, in both forms. */
export interface Blocking<T> {
  now(): T;
  later(): Promise<T>;
}

/** A body that yields what blocks; `yield*` gives the value of an inner routine or of `wait()`. */
export type Routine<T> = Generator<Blocking<unknown>, T, unknown>;

/** Yields one blocking step and gives its value. */
export function* wait<T>(step: Blocking<T>): Routine<T> {
  return (yield step) as T;
}

/** Runs the routine here and now; what a step throws is thrown into the routine. */
export function runSync<T>(routine: Routine<T>): T {
  let turn = routine.next();
  while (!turn.done) {
    let value: unknown;
    try {
      value = turn.value.now();
    } catch (error) {
      turn = routine.throw(error);
      continue;
    }
    turn = routine.next(value);
  }
  return turn.value;
}

/** Runs the routine with each blocking step on the thread pool. */
export async function runAsync<T>(routine: Routine<T>): Promise<T> {
  let turn = routine.next();
  while (!turn.done) {
    let value: unknown;
    try {
      value = await turn.value.later();
    } catch (error) {
      turn = routine.throw(error);
      continue;
    }
    turn = routine.next(value);
  }
  return turn.value;
}
