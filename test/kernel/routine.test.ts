// One body for both forms: the same steps, the same value, the same errors, whichever driver runs it.
import { describe, expect, test } from 'vitest';
import { type Routine, runAsync, runSync, wait } from '../../lib/kernel/routine.ts';

const forms: [string, <T>(routine: Routine<T>) => Promise<T>][] = [
  ['runSync', async (routine) => runSync(routine)],
  ['runAsync', runAsync],
];

/** A step that gives its value in either form, and notes which. */
const step = <T>(value: T, notes: string[] = []) =>
  wait<T>({
    now: () => {
      notes.push('now');
      return value;
    },
    later: async () => {
      notes.push('later');
      return value;
    },
  });
const failing = (message: string) =>
  wait<never>({
    now: () => {
      throw new Error(message);
    },
    later: () => Promise.reject(new Error(message)),
  });

describe.each(forms)('%s', (name, run) => {
  test('gives the value, and passes those of the steps in', async () => {
    const notes: string[] = [];
    function* inner(): Routine<number> {
      return (yield* step(2, notes)) * (yield* step(3, notes));
    }
    function* outer(): Routine<string> {
      return `${yield* inner()}${yield* step('!', notes)}`;
    }
    expect(await run(outer())).toBe('6!');
    expect(notes).toEqual(Array(3).fill(name === 'runSync' ? 'now' : 'later'));
  });

  test('throws what a step throws into the body, which may go on', async () => {
    function* body(): Routine<string[]> {
      const said: string[] = [];
      for (const word of ['one', 'two']) {
        try {
          yield* failing(word);
        } catch (error) {
          said.push((error as Error).message);
        }
      }
      said.push(yield* step('three'));
      return said;
    }
    expect(await run(body())).toEqual(['one', 'two', 'three']);
  });

  test('throws what the body throws, after its finally with steps of its own', async () => {
    const notes: string[] = [];
    function* body(): Routine<void> {
      try {
        yield* failing('first');
      } finally {
        notes.push(yield* step('cleaned'));
      }
    }
    await expect(run(body())).rejects.toThrow('first');
    expect(notes).toEqual(['cleaned']);
  });

  test('runs a body without steps', async () => {
    // biome-ignore lint/correctness/useYield: that is the point
    function* body(): Routine<number> {
      return 7;
    }
    expect(await run(body())).toBe(7);
  });
});
