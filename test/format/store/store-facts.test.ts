// What a store notes of itself.
import { expect, test } from 'vitest';
import { decodeStoreFacts, encodeStoreFacts } from '../../../lib/format/store/store-facts.ts';

const facts = { version: 1, driver: 'overlay', reason: 'because', dialect: 'trusted' } as const;
const told = (fields: object) => decodeStoreFacts(Buffer.from(JSON.stringify({ ...facts, ...fields })));

test('comes back as it was written', () => {
  expect(decodeStoreFacts(encodeStoreFacts(facts))).toEqual(facts);
});
test('a newer version is told as its number, whatever else is in it', () => {
  expect(told({ version: 2, driver: 'zfs' })).toBe(2);
});
test('all else is a sentence', () => {
  for (const wrong of [
    { version: 0 },
    { version: 'x' },
    { driver: 'zfs' },
    { dialect: 'both' },
    { reason: 3 },
  ])
    expect(typeof told(wrong)).toBe('string');
  expect(decodeStoreFacts(Buffer.from('{'))).toBe('it is no JSON');
  expect(decodeStoreFacts(Buffer.from('null'))).toBe('it is no object');
});
