import { expect, test } from 'vitest';
import { printable } from '../../lib/cli/printable.ts';

test.each([
  ['/grün/🌱 a', '/grün/🌱 a'],
  ['/a\nb\\c\td', '/a\\nb\\\\c\\td'],
  ['/\u001b[31m', '/\\x1b[31m'],
  ['/\u202egpj', '/\\xe2\\x80\\xaegpj'],
  [Buffer.from([0x2f, 0xff, 0x61]), '/\\xffa'],
])('%j is shown as %s', (path, shown) => {
  expect(printable(path)).toBe(shown);
});
