import { expect, test } from 'vitest';
import { ByteQueue } from '../../../lib/format/tar/byte-queue.ts';
import fc from '../../support/fast-check.ts';

/** Runs a taker, giving it a chunk whenever it asks for one. */
function feed<T>(queue: ByteQueue, taker: Generator<undefined, T>, chunks: Uint8Array[]): T {
  for (let step = taker.next(); ; step = taker.next()) {
    if (step.done) return step.value;
    const chunk = chunks.shift();
    if (chunk === undefined) queue.finish();
    else queue.add(chunk);
  }
}

test('gives pieces of any size, however the bytes arrive', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 9 })),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      (chunks, sizes) => {
        const whole = Buffer.concat(chunks);
        const queue = new ByteQueue();
        const rest = [...chunks];
        let at = 0;
        for (const size of sizes) {
          const piece = Buffer.from(feed(queue, queue.exactly(size), rest));
          expect(piece).toEqual(whole.subarray(at, at + size));
          at += piece.length;
          expect(queue.taken).toBe(at);
        }
        expect(feed(queue, queue.skip(1000), rest)).toBe(whole.length - at);
        expect(queue.taken).toBe(whole.length);
      },
    ),
  );
});

test('does not copy what lies in one chunk', () => {
  const queue = new ByteQueue();
  const chunk = Buffer.from('abcdef');
  const piece = feed(queue, queue.exactly(3), [chunk]);
  expect(piece.buffer).toBe(chunk.buffer);
  expect(piece.byteOffset).toBe(chunk.byteOffset);
});
