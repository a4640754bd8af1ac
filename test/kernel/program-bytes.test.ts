// Programs as bytes, compared with a slow encoder that follows native/program.h word by word, at every place in the buffer.

import { describe, expect, test } from 'vitest';
import { addon } from '../../lib/kernel/addon.ts';
import type { CallArgument } from '../../lib/kernel/kernel-error.ts';
import { kindOf, ProgramBytes } from '../../lib/kernel/program-bytes.ts';
import fc from '../support/fast-check.ts';

type Step = readonly [name: string, ...args: CallArgument[]];

/** 32 bits in the order of the host. */
function word(value: number): Buffer {
  return Buffer.from(new Uint32Array([value >>> 0]).buffer);
}

function padded(size: number, ...parts: Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([word(size), bytes, Buffer.alloc(-bytes.length & 3)]);
}

function encoded(letter: string, value: CallArgument): Buffer {
  if (letter === 'q')
    return Buffer.from(new BigUint64Array([BigInt.asUintN(64, BigInt(value as bigint))]).buffer);
  if (letter === 'f' || letter === 'u') return word(value as number);
  if (value === null) return word(0xffff_ffff);
  if (typeof value === 'object' && 'step' in value)
    return Buffer.concat([word(0xffff_fffe), word(value.step)]);
  const bytes = Buffer.from(value as string);
  return padded(bytes.length, bytes, Buffer.alloc(letter === 't' ? 1 : 0));
}

function reference([name, ...args]: Step): Buffer {
  const [number, signature] = [Object.keys(addon.calls).indexOf(name), addon.calls[name]!];
  return Buffer.concat([word(number), ...args.map((value, i) => encoded(signature[i]!, value))]);
}

/** Writes the steps behind some filling; gives what stands behind the filling, the padding made zero as in the reference. */
function written(steps: readonly Step[], filling = 4): Buffer {
  const bytes = new ProgramBytes();
  bytes.bytes(Buffer.alloc(filling - 4), false);
  for (const [name, ...args] of steps) {
    const [number, signature] = [Object.keys(addon.calls).indexOf(name), addon.calls[name]!];
    bytes.begin();
    bytes.word(number);
    args.forEach((value, i) => {
      bytes.argument(kindOf(signature[i]!), value);
    });
  }
  expect(bytes.size).toBeLessThanOrEqual(bytes.buffer.length);
  const last = Buffer.from(bytes.buffer.subarray(filling, bytes.size));
  bytes.release();
  return withoutPadding(last, steps);
}

/** What pads text and blobs is whatever the buffer held before. */
function withoutPadding(bytes: Buffer, steps: readonly Step[]): Buffer {
  let at = 0;
  for (const [name, ...args] of steps) {
    at += 4;
    args.forEach((value, i) => {
      const letter = addon.calls[name]![i]!;
      const size = encoded(letter, value).length;
      if (typeof value === 'string' || value instanceof Uint8Array) {
        bytes.fill(0, at + 4 + Buffer.from(value).length + (letter === 't' ? 1 : 0), at + size);
      }
      at += size;
    });
  }
  return bytes;
}

const same = (steps: readonly Step[], filling?: number): void => {
  const now = written(steps, filling);
  const wanted = Buffer.concat(steps.map(reference));
  // Only told of by expect when it fails: comparing is what takes the time.
  if (!now.equals(wanted)) expect(now.toString('hex')).toBe(wanted.toString('hex'));
};

describe('strings', () => {
  const kinds = {
    ascii: 'a',
    'two bytes': 'é',
    'three bytes': '漢',
    'a pair': '😀',
    'half a pair': '\ud800',
  };
  test.each(Object.entries(kinds))(
    'of %s are UTF-8 at each length up to 60, where the short way ends too',
    (_, one) => {
      for (let length = 0; length <= 60; length++) {
        same([['readlinkat', -100, one.repeat(length)]]);
        same([['readlinkat', -100, 'a'.repeat(length) + one]]);
        same([['readlinkat', -100, one + 'a'.repeat(length)]]);
      }
    },
  );
  test('are as good as their bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        same([['setxattr', 3, text, Buffer.from(text), 0]]);
      }),
    );
  });
  test('longer than the buffer make it grow, and keep what was written before', () => {
    for (const length of [8000, 8192, 20_000, 100_000]) {
      same([
        ['openat', -100, 'before', 1, 2],
        ['mount', 'x'.repeat(length), '漢'.repeat(length), null, 7, Buffer.alloc(length, 9)],
        ['openat', -100, 'after', 1, 2],
      ]);
    }
  });
});

describe('numbers', () => {
  test.each([0, 1, -1, -100, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 0x4000_0000])('%d as 32 bits', (value) => {
    same([['openat', value, '', value, value]]);
  });
  test.each([0, 1, 2 ** 32, 2 ** 53 - 1, 0n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n])(
    '%s as 64 bits',
    (value) => {
      same([['statmount', value, value, 1]]);
    },
  );
});

test('NULL, empty text, an empty blob and the bytes of a step are four different things', () => {
  same([['mount', '', '', null, 0, null]]);
  same([['require_at', { step: 0 }, 1, { step: 2 }]]);
  same([['require_subset', new Uint8Array(), { step: 0 }]]);
});

test('a step that ends near the end of the buffer is not cut off', () => {
  // From where 128 bytes are left the buffer grows before the step.
  for (let filling = 8192 - 400; filling <= 8192 - 128; filling += 4) {
    for (let length = 0; length <= 120; length += 3) {
      same([['mount', 'none', Buffer.alloc(length, 97), null, 7, null]], filling);
      same([['mount_setattr', 5, '漢'.repeat(length / 3), 1, 2n, 3n, 4n, -1]], filling);
      same([['require_at', Buffer.alloc(length), 7, { step: 3 }]], filling);
    }
  }
});

test('a buffer that was given back is used again, by one program at a time', () => {
  const one = new ProgramBytes();
  const { buffer } = one;
  one.release();
  const two = new ProgramBytes();
  const three = new ProgramBytes();
  expect(two.buffer).toBe(buffer);
  expect(three.buffer).not.toBe(buffer);
  two.release();
  three.release();
});
