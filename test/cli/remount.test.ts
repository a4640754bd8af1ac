import { expect, test } from 'vitest';
import { remountAttributes } from '../../lib/cli/remount.ts';

const row = {
  lower: ['/a', '/b'],
  data: [],
  upper: '/u',
  work: '/w',
  options: { uuid: 'on', index: true },
} as const;

test('attributes can change, and what is repeated as it is changes nothing', () => {
  const attributes = { readOnly: true };
  expect(remountAttributes({ lower: [], attributes }, row, '/m')).toBe(attributes);
  const all = {
    lower: ['/a', '/b'],
    upper: '/u',
    work: '/w',
    options: { index: true, metacopy: false },
  } as const;
  expect(remountAttributes({ ...all, attributes }, row, '/m')).toBe(attributes);
  expect(remountAttributes({ lower: [] }, row, '/m')).toEqual({});
});
test('the empty layer of a view of one lower is none of its layers', () => {
  const view = { lower: ['/a'], data: [], options: {} };
  expect(remountAttributes({ lower: ['/a', '/tmp/empty'] }, view, '/m')).toEqual({});
  expect(() => remountAttributes({ lower: ['/b', '/tmp/empty'] }, view, '/m')).toThrow(
    'lower cannot be changed',
  );
});
test.each([
  [{ lower: ['/b'] }, 'lower'],
  [{ lower: [], upper: '/x' }, 'upper'],
  [{ lower: [], options: { metacopy: true } }, 'metacopy'],
  [{ lower: [], options: { index: false } }, 'index'],
] as const)('%j is refused', (asked, name) => {
  expect(() => remountAttributes(asked, row, '/m')).toThrow(
    `target ("/m"): ${name} cannot be changed by a remount, only ro, rw and the attributes can`,
  );
});
