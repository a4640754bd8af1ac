import { expect, test } from 'vitest';
import { amount, findingLines, inTree, snapshotLines, usageLine } from '../../lib/cli/store-text.ts';
import type { Snapshot } from '../../lib/store/index.ts';

const plain = { paint: (text: string) => text };
const created = new Date('2026-01-02T03:04:05.678Z');
const of = (name: string, parent?: string, labels = {}): Snapshot => ({
  name,
  kind: 'committed',
  labels,
  created,
  updated: created,
  ...(parent === undefined ? {} : { parent }),
});

test('amounts', () => {
  expect([0, 1023, 1024, 1536, 200 * 1024, 5 * 2 ** 40].map(amount)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '200 KiB',
    '5.0 TiB',
  ]);
  expect(usageLine('a\nb', { bytes: 4096, inodes: 2 })).toBe('4.0 KiB, 2 inodes: a\\nb');
});
test('parents stand before what was made of them, and those without one by themselves', () => {
  const rows = inTree([of('b', 'a'), of('x', 'filtered out'), of('a'), of('c', 'b'), of('d', 'a')]);
  expect(rows.map(({ snapshot, depth }) => `${depth} ${snapshot.name}`)).toEqual([
    '0 x',
    '0 a',
    '1 b',
    '2 c',
    '1 d',
  ]);
});
test('a line each, with labels, and no deeper than a screen', () => {
  expect(snapshotLines([of('a', undefined, { 'a b': 'c' }), of('b', 'a')], plain)).toEqual([
    'committed  2026-01-02T03:04:05  a  a b=c',
    'committed  2026-01-02T03:04:05    b',
  ]);
  const chain = Array.from({ length: 30 }, (_, i) => of(`l${i}`, i === 0 ? undefined : `l${i - 1}`));
  expect(snapshotLines(chain, plain).at(-1)).toMatch(/ {16}\(29\) l29$/);
  expect(snapshotLines([], plain)).toEqual([]);
});
test('findings have their code and hint', () => {
  expect(findingLines([{ code: 'ERR_X', sentence: 'it is', hint: 'do' }])).toEqual([
    'it is (ERR_X)',
    '  hint: do',
  ]);
});
