// For each letter of a call's signature: arguments that the addon takes, and arguments that it must refuse.
import { addon, nativeFunction } from '../../lib/kernel/addon.ts';

type Native = (...args: unknown[]) => unknown;

/** A call by the name under which the addon exports it. */
export const native = (name: string): Native => nativeFunction(name) as Native;

/** All calls that can be made by themselves: `[name, signature]`. */
export const calls: readonly (readonly [string, string])[] = Object.entries(addon.calls).filter(
  ([name]) => nativeFunction(name) !== undefined,
);

// No descriptor, and a path to nothing: if a call were made after all, it would fail and do no harm.
const right: Readonly<Record<string, unknown>> = { f: -1, u: 0, q: 0n, t: '', b: new Uint8Array() };

const noNumber = [undefined, null, '1', true, {}, [], Number.NaN, Number.POSITIVE_INFINITY, 1.5];
const noBytes = [
  undefined,
  1,
  true,
  {},
  [],
  new Uint16Array(4),
  new ArrayBuffer(4),
  new Uint8ClampedArray(4),
];
const wrong: Readonly<Record<string, readonly unknown[]>> = {
  // From 2 ** 30 on a number means a step of a program (native/program.h).
  f: [...noNumber, 1n, 2 ** 30, 2 ** 31, 2 ** 32, -(2 ** 31), Number.MAX_SAFE_INTEGER],
  u: [...noNumber, 1n, -1, 2 ** 32, Number.MAX_SAFE_INTEGER],
  q: [...noNumber, -1, -1n, 2 ** 53, 2n ** 64n],
  t: [...noBytes, '\0', 'a\0b', Buffer.from('a\0')],
  b: [...noBytes, null],
};

/** Argument lists with one wrong argument each, and where it stands. */
export function wrongArguments(signature: string): { args: unknown[]; index: number }[] {
  const letters = [...signature];
  const good = letters.map((letter) => right[letter]);
  return letters.flatMap((letter, index) =>
    wrong[letter]!.map((bad) => ({ args: good.with(index, bad), index })),
  );
}

/** Fewer arguments than the call takes. */
export function missingArguments(signature: string): unknown[][] {
  return [...signature].map((_, count) => [...signature].slice(0, count).map((letter) => right[letter]));
}
