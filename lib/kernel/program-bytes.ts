// Writes the bytes of a program: whole words of 32 bits in the byte order of the host (native/program.h).
//
// This is the hot path of mountSync, and it counts before the engine has optimised it too: stores into typed arrays, no
// loop over signatures, no rest arguments.
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import type { CallArgument, StepBytes } from './kernel-error.ts';
import { NULL_LENGTH, STEP_LENGTH } from './program-text.ts';

const ROOM = 8192;
// What a step may have behind a text or blob besides those that make room themselves: at most 32 bytes of numbers, and a
// reference to a step's bytes or a NULL between.
const BEHIND = 64;
// A loop is quicker than a call into the engine for names such as "lowerdir+".
const SHORT = 24;

// Kinds of arguments: what is one word, two words, text, bytes.
const WORD = 0;
const LONG = 1;
const TEXT = 2;
const BLOB = 3;

/** The kind of an argument, by its letter in the call's signature (native/calls.h). */
export function kindOf(letter: string): number {
  return { f: WORD, u: WORD, q: LONG, t: TEXT, b: BLOB }[letter]!;
}

type Bytes = string | Uint8Array | StepBytes | null;

/** The same memory as bytes and as words. */
interface Room {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

function roomOf(size: number): Room {
  const bytes = Buffer.allocUnsafeSlow(size);
  return { bytes, words: new Int32Array(bytes.buffer) };
}

// Of finished programs, so that a mount does not allocate: what lies outside of the engine's heap costs its collector most.
const spare: Room[] = [];

export class ProgramBytes {
  #room: Room = spare.pop() ?? roomOf(ROOM);
  #buffer: Buffer = this.#room.bytes;
  #words: Int32Array = this.#room.words;
  #at = 0;

  /** What has been written, and maybe more behind it. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** Bytes written. */
  get size(): number {
    return this.#at * 4;
  }

  /** Must be called before the words of a step: numbers take no more than this. */
  begin(): void {
    this.#reserve(128);
  }

  word(value: number): void {
    this.#words[this.#at++] = value;
  }

  long(value: number | bigint): void {
    const wide = BigInt(value);
    const low = Number(wide & 0xffff_ffffn);
    const high = Number(wide >> 32n);
    this.word(HOST_IS_LITTLE_ENDIAN ? low : high);
    this.word(HOST_IS_LITTLE_ENDIAN ? high : low);
  }

  /** An argument of that kind. */
  argument(kind: number, value: CallArgument): void {
    if (kind === WORD) this.#words[this.#at++] = value as number;
    else if (kind === LONG) this.long(value as number | bigint);
    else this.bytes(value as Bytes, kind === TEXT);
  }

  /** Text ends with a NUL, which does not count; a blob just ends. Both are padded to whole words. */
  bytes(value: Bytes, terminated: boolean): void {
    if (typeof value === 'string') this.#string(value, terminated);
    else if (value === null) this.word(NULL_LENGTH);
    else if (value instanceof Uint8Array) this.#array(value, terminated);
    else {
      this.word(STEP_LENGTH);
      this.word(value.step);
    }
  }

  /** Gives the buffer to the next program. */
  release(): void {
    if (spare.length < 16 && this.#room.bytes.length === ROOM) spare.push(this.#room);
  }

  #string(value: string, terminated: boolean): void {
    // UTF-8 takes at most three bytes a UTF-16 unit.
    this.#reserve(BEHIND + value.length * 3);
    const start = (this.#at + 1) * 4;
    const buffer = this.#buffer;
    let size = value.length;
    if (size > SHORT) size = buffer.write(value, start);
    else {
      for (let i = 0; i < value.length; i++) {
        const unit = value.charCodeAt(i);
        if (unit > 127) {
          size = buffer.write(value, start);
          break;
        }
        buffer[start + i] = unit;
      }
    }
    this.#end(size, terminated);
  }

  #array(value: Uint8Array, terminated: boolean): void {
    this.#reserve(BEHIND + value.length);
    this.#buffer.set(value, (this.#at + 1) * 4);
    this.#end(value.length, terminated);
  }

  #end(size: number, terminated: boolean): void {
    this.#words[this.#at] = size;
    if (terminated) this.#buffer[(this.#at + 1) * 4 + size] = 0;
    this.#at += 1 + ((size + (terminated ? 1 : 0) + 3) >> 2);
  }

  #reserve(more: number): void {
    if (this.#at * 4 + more <= this.#buffer.length) return;
    const larger = roomOf((2 * (this.#at * 4 + more + 4)) & ~3);
    larger.bytes.set(this.#buffer.subarray(0, this.#at * 4));
    this.#room = larger;
    this.#buffer = larger.bytes;
    this.#words = larger.words;
  }
}
