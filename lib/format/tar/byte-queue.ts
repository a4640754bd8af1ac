// The bytes of an archive as they arrive in chunks, taken out in the portions that a reader needs.

/** Yielded by whoever needs more bytes than have arrived. */
export type NeedBytes = undefined;

const NOTHING = Buffer.alloc(0);

export class ByteQueue {
  /** How many bytes have been taken. */
  taken = 0;
  #chunk: Buffer = NOTHING;
  #finished = false;

  /** The chunk before has been taken whole. */
  add(chunk: Uint8Array): void {
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }

  /** No chunk follows. */
  finish(): void {
    this.#finished = true;
  }

  /** As many bytes as are there, at most this many: a view of the chunk, empty only at the end. */
  *some(most: number): Generator<NeedBytes, Buffer> {
    while (this.#chunk.length === 0 && !this.#finished) yield undefined;
    const bytes = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(bytes.length);
    this.taken += bytes.length;
    return bytes;
  }

  /** So many bytes in one piece, valid until the next chunk; fewer at the end. */
  *exactly(count: number): Generator<NeedBytes, Buffer> {
    const first = yield* this.some(count);
    if (first.length === count) return first;
    const whole = Buffer.allocUnsafe(count);
    let length = first.copy(whole);
    while (length < count) {
      const next = yield* this.some(count - length);
      if (next.length === 0) break;
      length += next.copy(whole, length);
    }
    return whole.subarray(0, length);
  }

  /** Leaves bytes out; how many of them were there. */
  *skip(count: number): Generator<NeedBytes, number> {
    let skipped = 0;
    while (skipped < count) {
      const bytes = yield* this.some(count - skipped);
      if (bytes.length === 0) break;
      skipped += bytes.length;
    }
    return skipped;
  }
}
