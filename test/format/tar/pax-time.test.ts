import { expect, test } from 'vitest';
import { formatPaxTime, joinTime, parsePaxTime, splitTime } from '../../../lib/format/tar/pax-time.ts';
import fc from '../../support/fast-check.ts';

test.each([
  ['0', 0n],
  ['1500000000.123456789', 1_500_000_000_123_456_789n],
  ['1.5', 1_500_000_000n],
  ['1.', 1_000_000_000n],
  ['1.0000000009', 1_000_000_000n],
  ['-1.5', -1_500_000_000n],
  ['-0.5', -500_000_000n],
  ['', undefined],
  ['.5', undefined],
  ['+1', undefined],
  ['1e3', undefined],
  ['1.5x', undefined],
  ['9999999999999999999', undefined],
])('reads %j as %s', (text, time) => {
  expect(parsePaxTime(text)).toBe(time);
});

const time = fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n });

test('writes the shortest text, which reads as the same time', () => {
  expect(formatPaxTime(-500_000_000n)).toBe('-0.5');
  expect(formatPaxTime(1_000_000_000n)).toBe('1');
  fc.assert(fc.property(time, (t) => void expect(parsePaxTime(formatPaxTime(t))).toBe(t)));
});

test('splits into seconds rounded down and what is beyond', () => {
  expect(splitTime(-1n)).toEqual({ seconds: -1, nanoseconds: 999_999_999 });
  const small = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n });
  fc.assert(
    fc.property(small, (t) => {
      const { seconds, nanoseconds } = splitTime(t);
      expect(joinTime(seconds, nanoseconds)).toBe(t);
      expect(nanoseconds).toBeGreaterThanOrEqual(0);
    }),
  );
});
