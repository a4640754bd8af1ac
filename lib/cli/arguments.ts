// The words of the command line with all their bytes: Node decodes them as UTF-8, and loses what is none.
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { bytesToPath } from '../format/path-bytes.ts';

// A byte 0xNN that is no UTF-8 travels as the lone surrogate U+DCNN, which no decoded text can hold (PEP 383).
const ESCAPE = 0xdc00;

/** Bytes as text that `wordToBytes` turns back into the same bytes. */
export function bytesToWord(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let word = '';
  for (let i = 0; i < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => i + n <= bytes.length && isUtf8(bytes.subarray(i, i + n)));
    word +=
      length === undefined ? String.fromCharCode(ESCAPE + bytes[i]!) : bytes.toString('utf8', i, i + length);
    i += length ?? 1;
  }
  return word;
}

export function wordToBytes(word: string): Buffer {
  if (word.isWellFormed()) return Buffer.from(word);
  return Buffer.concat(
    Array.from(word, (character) => {
      const point = character.codePointAt(0)!;
      return point >= ESCAPE + 0x80 && point <= ESCAPE + 0xff
        ? Buffer.of(point - ESCAPE)
        : Buffer.from(character);
    }),
  );
}

/** A word as the path that it names. */
export function wordToPath(word: string): string | Buffer {
  return word.isWellFormed() ? word : bytesToPath(wordToBytes(word));
}

/** The last words of a process's command line, as /proc/PID/cmdline has it, when they are what Node decoded as `args`. */
export function wordsOf(cmdline: Buffer, args: readonly string[]): readonly string[] {
  const all: Buffer[] = [];
  for (let start = 0; start < cmdline.length; ) {
    const end = cmdline.indexOf(0, start);
    all.push(cmdline.subarray(start, end < 0 ? cmdline.length : end));
    start = end < 0 ? cmdline.length : end + 1;
  }
  const last = all.slice(all.length - args.length);
  return last.length === args.length && last.every((bytes, i) => bytes.toString() === args[i])
    ? last.map(bytesToWord)
    : args;
}

/** The words after the program's name. */
export function readArguments(): readonly string[] {
  const args = process.argv.slice(2);
  // U+FFFD is what Node leaves of a byte that it could not decode.
  if (!args.some((word) => word.includes('\ufffd'))) return args;
  try {
    return wordsOf(readFileSync('/proc/self/cmdline'), args);
  } catch {
    return args;
  }
}
