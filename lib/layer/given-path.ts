// The paths that callers give: checked, and taken apart into a directory and a name in it.
import { FormatError } from '../format/format-error.ts';
import { wrongType } from '../format/given.ts';
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

function refuse(code: string, option: string, sentence: string, hint: string, path?: string): never {
  throw new OverlayError([{ code, sentence, hint, option, path }]);
}

/**
 * @param option the name of the argument, for errors
 * @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_INVALID_PATH, ERR_OVERLAY_EMPTY_PATH, ERR_OVERLAY_NUL_BYTE
 */
export function readPath(path: unknown, option = 'path'): GivenPath {
  if (typeof path !== 'string' && !(path instanceof Uint8Array) && !(path instanceof URL))
    return wrongType(option, 'a path (string, Buffer or file: URL)', path);
  const text = path instanceof URL ? path.href : shown(path);
  if (text === '') refuse('ERR_OVERLAY_EMPTY_PATH', option, 'the path is empty', 'name a file or directory');
  try {
    return { bytes: pathToBytes(path as PathLike), shown: text };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const code = text.includes('\0') ? 'ERR_OVERLAY_NUL_BYTE' : error.code;
    throw new OverlayError([{ code, sentence: error.message, hint: error.hint, option, path: text }], error);
  }
}

/** The same for an entry; the root directory, `.` and `..` are none. */
export function readEntryPath(path: unknown, option = 'path'): GivenEntry {
  const given = readPath(path, option);
  let end = given.bytes.length;
  while (end > 0 && given.bytes[end - 1] === SLASH) end--;
  const slash = given.bytes.subarray(0, end).lastIndexOf(SLASH);
  const name = given.bytes.subarray(slash + 1, end);
  const text = name.toString('latin1');
  if (text === '' || text === '.' || text === '..') {
    refuse(
      'ERR_OVERLAY_INVALID_PATH',
      option,
      `${given.shown} does not end in the name of an entry`,
      'give the path of an entry of a directory, such as layer/etc/hosts',
      given.shown,
    );
  }
  const parent = slash < 0 ? Buffer.from('.') : given.bytes.subarray(0, Math.max(slash, 1));
  return { ...given, name, parent: { bytes: parent, shown: shown(parent) } };
}
