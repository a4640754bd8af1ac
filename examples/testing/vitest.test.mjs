// Each test of vitest has a copy of the shop of its own: npx vitest run --root examples/testing
import { fileURLToPath } from 'node:url';
import { overlayFixture, overlayMatchers } from 'overlayfs/testing';
import { test as base, expect } from 'vitest';
import { cancel, order } from './shop.mjs';

expect.extend(overlayMatchers);
const shop = fileURLToPath(new URL('shop', import.meta.url));
const test = base.extend('shop', overlayFixture(shop));

test('an order is a new file, and the next number', async ({ shop }) => {
  await order(shop.path, 'sugar', 1);
  await expect(shop).toHaveChanges(['added orders/3.json', 'modified shop.json']);
});

test('a cancelled order is gone, and nothing else', async ({ shop }) => {
  await cancel(`${shop}`, 1);
  expect(await shop.changes()).toEqual([{ kind: 'deleted', path: 'orders/1.json', type: 'file', what: [] }]);
});

test.concurrent.for([1, 2, 3, 4, 5])(
  '%i orders at once with other tests',
  async (count, { shop, expect }) => {
    for (let i = 0; i < count; i++) await order(shop.path, 'tea', i);
    expect(await shop.changes()).toHaveLength(count + 1);
    await shop.reset();
    expect(await shop.changes()).toEqual([]);
  },
);

// One for all tests of this file, made pristine before each.
const shared = base.extend('shop', { scope: 'file' }, overlayFixture(shop));
shared.beforeEach(async ({ shop }) => {
  await shop.reset();
});

shared.for(['tea', 'cups'])('%s is order number 3', async (item, { shop }) => {
  await order(shop.path, item, 1);
  await expect(shop).toHaveChanges(['added orders/3.json', 'modified shop.json (content)']);
});
