// A path as a terminal may show it: what is no UTF-8 or would move the cursor as an escape, the rest as it is.
import { bytesToWord } from './arguments.ts';

const NAMED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' };

function escaped(character: string): string {
  const point = character.codePointAt(0)!;
  // A byte that could not be decoded.
  if (point >= 0xdc80 && point <= 0xdcff) return `\\x${(point - 0xdc00).toString(16)}`;
  const bytes = [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
  return NAMED[character] ?? bytes.join('');
}

/** In the notation of bash's $'…'. */
export function printable(path: string | Uint8Array): string {
  const word = typeof path === 'string' ? path : bytesToWord(Buffer.from(path));
  // Control, format (bidirectional marks), surrogate; the line and paragraph separators.
  return word.replace(/[\\\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, escaped);
}
