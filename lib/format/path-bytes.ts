// How a path given as a string, as bytes or as a file: URL becomes the bytes of a system call, and back.

import { isUtf8 } from 'node:buffer';
import { FormatError } from './format-error.ts';
import type { PathLike } from './mount-spec.ts';

const NUL = 0x00;
const SLASH = 0x2f;
const PERCENT = 0x25;

function unusable(option: string | undefined, problem: string, hint: string): FormatError {
  return new FormatError('ERR_OVERLAY_INVALID_PATH', `${option ?? 'path'}: ${problem}`, { option, hint });
}

/** The value of one hexadecimal digit, NaN for any other byte. */
function hexDigit(byte: number | undefined): number {
  return byte === undefined ? Number.NaN : Number.parseInt(String.fromCharCode(byte), 16);
}

/** Undoes `%41`; `fileURLToPath` would refuse the bytes that are no UTF-8. */
function percentDecode(text: Buffer, option: string | undefined): Buffer {
  const bytes = Buffer.alloc(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let byte = text[i]!;
    if (byte === PERCENT) {
      byte = hexDigit(text[i + 1]) * 16 + hexDigit(text[i + 2]);
      if (Number.isNaN(byte))
        throw unusable(option, 'a broken %-escape in a URL', 'write %25 for a percent sign');
      if (byte === SLASH) throw unusable(option, 'an encoded / in a URL', 'no file name can contain a slash');
      i += 2;
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

function urlToBytes(url: URL, option: string | undefined): Buffer {
  if (url.protocol !== 'file:' || url.hostname !== '') {
    throw unusable(
      option,
      `not a local file: URL (${url.protocol}//${url.hostname})`,
      'use file:///absolute/path',
    );
  }
  return percentDecode(Buffer.from(url.pathname, 'latin1'), option);
}

/**
 * The bytes of a path: strings as UTF-8, bytes as they are (not copied), `file:` URLs decoded to bytes.
 *
 * @param option what to name in the error, such as `'upper'`
 * @throws {FormatError} `ERR_OVERLAY_INVALID_PATH` for an empty path, a NUL byte, a lone surrogate or a URL of another kind
 */
export function pathToBytes(path: PathLike, option?: string): Buffer {
  let bytes: Buffer;
  if (typeof path === 'string') {
    bytes = Buffer.from(path);
    // A lone surrogate has no UTF-8 form: Buffer.from puts U+FFFD there, which names another file.
    if (bytes.length !== path.length && bytes.toString() !== path) {
      throw unusable(option, 'the string holds a lone surrogate', 'pass the bytes of the path as a Buffer');
    }
  } else if (path instanceof Uint8Array) {
    bytes = Buffer.isBuffer(path) ? path : Buffer.from(path.buffer, path.byteOffset, path.byteLength);
  } else if (path instanceof URL) {
    bytes = urlToBytes(path, option);
  } else {
    throw unusable(option, 'not a path', 'use a string, a Buffer or a file: URL');
  }
  if (bytes.length === 0) throw unusable(option, 'the path is empty', "use '.' for the current directory");
  if (bytes.includes(NUL))
    throw unusable(option, 'the path contains a NUL byte', 'no path can contain a NUL byte');
  return bytes;
}

/** A path as people expect it: a string where the bytes are UTF-8, the bytes themselves where they are not. */
export function bytesToPath(bytes: Uint8Array): string | Buffer {
  const buffer = Buffer.from(bytes);
  return isUtf8(buffer) ? buffer.toString('utf8') : buffer;
}

/** Bytes as text with one character a byte, for names as keys and for taking them apart; nothing is lost. */
export function asLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** A path of one character a byte, as {@link bytesToPath} has it. */
export function latin1ToPath(text: string): string | Buffer {
  // Most names are ASCII, and then the text is itself.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  return /^[\x00-\x7f]*$/.test(text) ? text : bytesToPath(Buffer.from(text, 'latin1'));
}
