// The bytes of an archive as they arrive in chunks, taken out in the portions that a reader needs.

/** Yielded by whoever needs more bytes than have arrived. */
export type NeedBytes = undefined;

const NOTHING = Buffer.alloc(0);

export class ByteQueue {
  /** How many bytes have been taken. */
  taken = 0;
  #chunk: Buffer = NOTHING;
  #finished = false;
  #skippable = 0;

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

  /** Leaves bytes out; how many of them were there. While it lasts, `skippable` has how many are still to come. */
  *skip(count: number): Generator<NeedBytes, number> {
    this.#skippable = count;
    while (this.#skippable > 0) {
      while (this.#chunk.length === 0 && this.#skippable > 0 && !this.#finished) yield undefined;
      const skipped = Math.min(this.#chunk.length, this.#skippable);
      if (skipped === 0) break;
      this.#chunk = this.#chunk.subarray(skipped);
      this.#pass(skipped);
    }
    const left = this.#skippable;
    this.#skippable = 0;
    return count - left;
  }

  /** How many of the next bytes nobody wants: who can seek need not add them. */
  get skippable(): number {
    return this.#skippable;
  }

  /** So many of them are not added. */
  jump(count: number): void {
    if (count > this.#skippable) throw new RangeError('bytes that are wanted cannot be jumped over');
    this.#pass(count);
  }

  #pass(count: number): void {
    this.#skippable -= count;
    this.taken += count;
  }
}
