// Whose ids are whose in /etc/subuid.
import { expect, test } from 'vitest';
import { parseSubordinateIds } from '../../lib/format/subordinate-ids.ts';

const user = { name: 'ada', id: 1000 };

test('the ranges of a user are found by name and by number, in their order', () => {
  const text = 'bob:100000:65536\nada:165536:65536\n1000:300000:10\n1001:1:1\nada:5:1\n';
  expect(parseSubordinateIds(text, user)).toEqual([
    { first: 165536, count: 65536 },
    { first: 300000, count: 10 },
    { first: 5, count: 1 },
  ]);
  expect(parseSubordinateIds(text, { name: undefined, id: 1001 })).toEqual([{ first: 1, count: 1 }]);
});

test.each([
  '',
  '\n',
  '# ada:1:1',
  'ada:1',
  'ada:1:0',
  'ada:x:1',
  'ada:-1:5',
  'ada:4294967290:10',
  'adam:1:1',
  'ada:1:1:1',
])('nothing is in %j', (text) => {
  expect(parseSubordinateIds(text, user)).toEqual([]);
});
