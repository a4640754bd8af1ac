// The paths and options that callers give: checked, and a path taken apart into a directory and a name in it.
import { FormatError } from '../format/format-error.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { OverlayError, shown } from '../format/overlay-error.ts';
import { pathToBytes } from '../format/path-bytes.ts';

export interface GivenPath {
  /** For people. */
  readonly shown: string;
  readonly bytes: Buffer;
}

/** An entry that may be there or not: its directory, and its name in it. */
export interface GivenEntry extends GivenPath {
  readonly parent: GivenPath;
  readonly name: Buffer;
}

const SLASH = 0x2f;

function refuse(code: string, sentence: string, hint: string, path?: string): never {
  throw new OverlayError([{ code, sentence, hint, path }]);
}

/** @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_INVALID_PATH, ERR_OVERLAY_EMPTY_PATH, ERR_OVERLAY_NUL_BYTE */
export function readPath(path: unknown): GivenPath {
  if (typeof path !== 'string' && !(path instanceof Uint8Array) && !(path instanceof URL)) {
    const expected = 'a path (string, Buffer or file: URL)';
    refuse('ERR_OVERLAY_INVALID_TYPE', `path must be ${expected}, and is ${typeof path}`, `pass ${expected}`);
  }
  const text = path instanceof URL ? path.href : shown(path);
  if (text === '') refuse('ERR_OVERLAY_EMPTY_PATH', 'the path is empty', 'name a file or directory');
  try {
    return { bytes: pathToBytes(path as PathLike), shown: text };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const code = text.includes('\0') ? 'ERR_OVERLAY_NUL_BYTE' : error.code;
    throw new OverlayError([{ code, sentence: error.message, hint: error.hint, path: text }], error);
  }
}

/** The same for an entry; the root directory, `.` and `..` are none. */
export function readEntryPath(path: unknown): GivenEntry {
  const given = readPath(path);
  let end = given.bytes.length;
  while (end > 0 && given.bytes[end - 1] === SLASH) end--;
  const slash = given.bytes.subarray(0, end).lastIndexOf(SLASH);
  const name = given.bytes.subarray(slash + 1, end);
  const text = name.toString('latin1');
  if (text === '' || text === '.' || text === '..') {
    refuse(
      'ERR_OVERLAY_INVALID_PATH',
      `${given.shown} does not end in the name of an entry`,
      'give the path of an entry of a directory, such as layer/etc/hosts',
      given.shown,
    );
  }
  const parent = slash < 0 ? Buffer.from('.') : given.bytes.subarray(0, Math.max(slash, 1));
  return { ...given, name, parent: { bytes: parent, shown: shown(parent) } };
}

/** The values that an option may have; `undefined` is always one. */
export type OptionTable<T> = { readonly [K in keyof T]-?: readonly T[K][] };

/**
 * Checks an object of options against a table of their values.
 *
 * @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_UNKNOWN_OPTION, ERR_OVERLAY_INVALID_VALUE
 */
export function readOptions<T extends object>(options: unknown, table: OptionTable<T>): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null) {
    refuse(
      'ERR_OVERLAY_INVALID_TYPE',
      `options must be an object, and is ${typeof options}`,
      'pass an object',
    );
  }
  const known: Readonly<Record<string, readonly unknown[]>> = table;
  for (const [name, value] of Object.entries(options)) {
    const values = Object.hasOwn(known, name) ? known[name]! : undefined;
    if (values === undefined) {
      const names = Object.keys(known).join(', ');
      refuse('ERR_OVERLAY_UNKNOWN_OPTION', `there is no option ${name}`, `those that exist: ${names}`);
    }
    if (value === undefined || values.includes(value)) continue;
    const possible = values.map((one) => JSON.stringify(one)).join(' or ');
    refuse('ERR_OVERLAY_INVALID_VALUE', `${name} must be ${possible}`, `set ${name} to ${possible}`);
  }
  return options as Partial<T>;
}
