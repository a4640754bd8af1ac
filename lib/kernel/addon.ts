// Loads the addon, and says how to build it when there is none for this machine; nothing else may load it.
import { existsSync } from 'node:fs';
import { EXPECTED_CALLS } from './expected-calls.ts';
import { packageRoot } from './package-root.ts';

/** A failed call as the addon reports it; `errno` is positive, `log` holds the kernel's own messages. */
export interface NativeFailure {
  readonly errno: number;
  readonly syscall: string;
  readonly step: number;
  readonly log: Uint8Array;
}

type ProgramRunner<T> = (
  program: Uint8Array,
  size: number,
  output: Uint8Array,
  given: readonly number[],
) => T;

type NativeFunction = (...args: unknown[]) => unknown;

export interface Addon {
  /** For each call one letter an argument (native/calls.h); the place in the table is the number of the call in programs. */
  readonly calls: Readonly<Record<string, string>>;
  readonly sourceDigest: string;
  close(fd: number): boolean;
  /** Of a call that can be made by itself: `name` gives a promise, `nameSync` does not. */
  functionOf(name: string): NativeFunction | undefined;
  readonly runProgram: ProgramRunner<Promise<number | NativeFailure>>;
  readonly runProgramSync: ProgramRunner<number | NativeFailure>;
  readonly runProgramInChild: ProgramRunner<Promise<number | NativeFailure>>;
  readonly runProgramInChildSync: ProgramRunner<number | NativeFailure>;
  readonly runProgramApart: ProgramRunner<Promise<number | NativeFailure>>;
}

const root = packageRoot();

// A checkout's own build comes first: it is at least as new as the prebuilt one.
const places: readonly string[] = [
  `${root}/build/Release/overlayfs.node`,
  `${root}/prebuilds/linux-${process.arch}/overlayfs.node`,
];

function load(): Addon {
  const found = places.find((place) => existsSync(place));
  if (found === undefined) {
    throw Object.assign(
      new Error(
        `overlayfs has no addon for ${process.platform}-${process.arch}. Looked for ${places.join(' and ')}. ` +
          `Build it: cd ${root} && npx node-gyp rebuild (needs g++, make and python3)`,
      ),
      { code: 'ERR_OVERLAY_NO_ADDON' },
    );
  }
  // What require() does with such a file, without the search for it.
  const target: { exports: unknown } = { exports: {} };
  process.dlopen(target, found);
  const loaded = target.exports as Addon;
  // One that was built from older sources would fail later, at the first call that it does not know.
  const unknown: string[] = [];
  const expected: Readonly<Record<string, string>> = EXPECTED_CALLS;
  for (const name in expected) if (loaded.calls?.[name] !== expected[name]) unknown.push(name);
  if (unknown.length > 0) throw stale(found, unknown);
  return loaded;
}

function stale(file: string, unknown: readonly string[]): Error {
  return Object.assign(
    new Error(
      `overlayfs: ${file} was built from other sources than this library, and does not know ${unknown.join(', ')} as it does. ` +
        `Install the package anew, or build it: cd ${root} && npx node-gyp rebuild (needs g++, make and python3)`,
    ),
    { code: 'ERR_OVERLAY_STALE_ADDON' },
  );
}

export const addon: Addon = load();

const functions = new Map<string, NativeFunction>();

/** The native function of that name, for callers that know its signature; undefined: there is none. */
export function nativeFunction(name: string): NativeFunction | undefined {
  const known = functions.get(name);
  if (known !== undefined) return known;
  const made = addon.functionOf(name);
  if (made !== undefined) functions.set(name, made);
  return made;
}
