// The text that mount(8) takes after -o and mount(2) as its data: words between commas, layers between colons.

import { escapeLowerEntry, unescapeValue } from './escape.ts';
import { FormatError } from './format-error.ts';
import type { Parameter } from './options.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** Labels of security modules: the only values that the kernel lets stand in double quotes, commas and all. */
const QUOTABLE: ReadonlySet<string> = new Set(['context', 'fscontext', 'defcontext', 'rootcontext']);

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where the word that begins at `from` ends; a backslash takes the next byte along, as in the kernel. */
function endOfWord(text: Buffer, from: number): number {
  for (let i = from; i < text.length; i++) {
    const byte = text[i];
    if (byte === BACKSLASH) i++;
    else if (byte === COMMA) return i;
  }
  return text.length;
}

/** Where the quoted value after the `=` at `equals` ends, or -1 when there is none. */
function endOfQuoted(text: Buffer, key: string, equals: number): number {
  if (text[equals + 1] !== QUOTE || !QUOTABLE.has(key)) return -1;
  const close = text.indexOf(QUOTE, equals + 2);
  return close >= 0 && (close + 1 === text.length || text[close + 1] === COMMA) ? close : -1;
}

/**
 * The words of option text, as the kernel splits it. Values keep their backslashes (what they mean depends on the key) and
 * their bytes; empty words and words that begin with `=` are skipped, as the kernel does.
 */
export function splitOptionText(text: Uint8Array): Parameter[] {
  const bytes = asBuffer(text);
  const parameters: Parameter[] = [];
  for (let start = 0; start < bytes.length; ) {
    let end = endOfWord(bytes, start);
    const equals = bytes.subarray(start, end).indexOf(EQUALS);
    if (equals < 0) {
      if (end > start) parameters.push({ key: bytes.toString('utf8', start, end) });
    } else if (equals > 0) {
      const key = bytes.toString('utf8', start, start + equals);
      const close = endOfQuoted(bytes, key, start + equals);
      if (close >= 0) end = close + 1;
      const from = start + equals + 1;
      parameters.push({
        key,
        value: close >= 0 ? bytes.subarray(from + 1, close) : bytes.subarray(from, end),
      });
    }
    start = end + 1;
  }
  return parameters;
}

/** True when the kernel would read the word as one again: no bare comma, no backslash that takes the next comma along. */
function isOneWord(word: Buffer): boolean {
  let i = 0;
  for (; i < word.length; i++) {
    if (word[i] === BACKSLASH) i++;
    else if (word[i] === COMMA) return false;
  }
  return i === word.length;
}

/** The bytes of one word, or undefined when the kernel would read them as something else. */
function parameterWord(parameter: Parameter): Buffer | undefined {
  const { key, value } = parameter;
  if (key === '' || key[0] === '=' || key.includes('\0')) return undefined;
  if (value === undefined) {
    const word = Buffer.from(key);
    return isOneWord(word) ? word : undefined;
  }
  if (key.includes('=')) return undefined;
  const bytes = typeof value === 'string' ? Buffer.from(value) : asBuffer(value);
  const quotable = QUOTABLE.has(key);
  if (bytes.includes(0) || (quotable && bytes[0] === QUOTE)) return undefined;
  if (quotable && bytes.includes(COMMA) && !bytes.includes(QUOTE)) {
    return Buffer.concat([Buffer.from(`${key}="`), bytes, Buffer.from('"')]);
  }
  const word = Buffer.concat([Buffer.from(`${key}=`), bytes]);
  return isOneWord(word) ? word : undefined;
}

/**
 * Option text of parameters whose values are escaped already; the inverse of `splitOptionText`.
 *
 * @throws {FormatError} `ERR_OVERLAY_OPTION_VALUE` when a word would not be read as it is meant
 */
export function joinOptionText(parameters: Iterable<Parameter>): Buffer {
  const pieces: Buffer[] = [];
  const comma = Buffer.from(',');
  for (const parameter of parameters) {
    const word = parameterWord(parameter);
    if (word === undefined) {
      throw new FormatError(
        'ERR_OVERLAY_OPTION_VALUE',
        `${parameter.key} cannot be written as option text, which has no escape for its value`,
        { option: parameter.key, hint: 'mount through fsopen (via: "fsopen"), which needs no text' },
      );
    }
    if (pieces.length > 0) pieces.push(comma);
    pieces.push(word);
  }
  return Buffer.concat(pieces);
}

function badList(problem: string, hint: string): FormatError {
  return new FormatError('ERR_OVERLAY_OPTION_TEXT', `lowerdir: ${problem}`, { option: 'lower', hint });
}

/**
 * The layers of a `lowerdir=` value, unescaped: `a:b::d` is the lowers a and b and the data-only layer d.
 *
 * @throws {FormatError} `ERR_OVERLAY_OPTION_TEXT` for what the kernel refuses: an empty list, a colon at either end, more
 * than two colons together, an ordinary layer after a data-only one; and for a lone backslash at the end, which some
 * kernels swallow and others refuse
 */
export function splitLowerdir(value: Uint8Array): { lower: Buffer[]; data: Buffer[] } {
  const bytes = asBuffer(value);
  if (bytes.length === 0) throw badList('the list of layers is empty', 'name at least one directory');
  if (bytes[0] === COLON)
    throw badList('a colon at the beginning', 'begin with a layer; write \\: in its name');
  const lower: Buffer[] = [];
  const data: Buffer[] = [];
  let isData = false;
  let start = 0;
  for (let i = 0; i <= bytes.length; i++) {
    if (bytes[i] === BACKSLASH) {
      if (++i === bytes.length) throw badList('a lone backslash at the end', 'write \\\\ for a backslash');
      continue;
    }
    if (i < bytes.length && bytes[i] !== COLON) continue;
    (isData ? data : lower).push(unescapeValue(bytes.subarray(start, i)));
    if (i === bytes.length) break;
    const double = bytes[i + 1] === COLON;
    if (double) i++;
    if (i + 1 === bytes.length) throw badList('a colon at the end', 'write \\: for a colon in a name');
    if (bytes[i + 1] === COLON)
      throw badList('three colons together', 'use : or ::, and \\: for a colon in a name');
    if (isData && !double)
      throw badList('an ordinary layer after a data-only one', 'put :: before each later layer');
    isData = double;
    start = i + 1;
  }
  return { lower, data };
}

/**
 * The `lowerdir=` value of mount(2) for layers given as plain paths; the inverse of `splitLowerdir`.
 *
 * @throws {FormatError} `ERR_OVERLAY_OPTION_VALUE` for an empty path, or data-only layers without an ordinary one
 */
export function joinLowerdir(lower: readonly Uint8Array[], data: readonly Uint8Array[] = []): Buffer {
  const unwritable = (problem: string, hint: string): FormatError =>
    new FormatError('ERR_OVERLAY_OPTION_VALUE', `lowerdir: ${problem}`, { option: 'lower', hint });
  if (lower.length === 0) throw unwritable('no layers', 'give at least one lower that is not data-only');
  const pieces: Uint8Array[] = [];
  const add = (separator: string, layers: readonly Uint8Array[]): void => {
    for (const layer of layers) {
      if (layer.length === 0) throw unwritable('an empty path', "use '.' for the current directory");
      if (pieces.length > 0) pieces.push(Buffer.from(separator));
      pieces.push(escapeLowerEntry(layer));
    }
  };
  add(':', lower);
  add('::', data);
  return Buffer.concat(pieces);
}
