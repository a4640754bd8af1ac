// Each test of node:test has a copy of the shop of its own: node --test examples/testing/node-test.mjs
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertChanges, overlayFixture } from 'overlayfs/testing';
import { cancel, order } from './shop.mjs';

const fixture = overlayFixture(fileURLToPath(new URL('shop', import.meta.url)));

test('an order is a new file, and the next number', async (t) => {
  const shop = await fixture(t);
  await order(shop.path, 'sugar', 1);
  await assertChanges(shop, ['added orders/3.json', 'modified shop.json']);
});

test('a cancelled order is gone, and nothing else', async (t) => {
  const shop = await fixture(t);
  await cancel(`${shop}`, 1);
  assert.deepEqual(await shop.changes(), [
    { kind: 'deleted', path: 'orders/1.json', type: 'file', what: [] },
  ]);
});

describe('one for all tests of a group, made pristine before each', () => {
  let shop;
  before(async () => {
    shop = await fixture.fork();
  });
  beforeEach(() => shop.reset());
  after(() => shop.close());

  for (const item of ['tea', 'cups']) {
    test(`${item} is order number 3`, async () => {
      await order(shop.path, item, 1);
      await assertChanges(shop, ['added orders/3.json', 'modified shop.json']);
    });
  }
});
