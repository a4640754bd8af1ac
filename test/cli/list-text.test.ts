import { expect, test } from 'vitest';
import { listText } from '../../lib/cli/list-text.ts';
import type { OverlayMount } from '../../lib/index.ts';

const plain = { paint: (text: string) => text };
const mount: OverlayMount = {
  id: 7,
  parentId: 1,
  target: '/m',
  source: 'overlay',
  lower: ['/a', Buffer.from([0x2f, 0xff])],
  data: ['/d'],
  upper: 'relative',
  work: '/w',
  options: { index: true, raw: { odd: 'x' } },
  attributes: { readOnly: true, nosuid: true },
  propagation: 'shared',
  readOnly: false,
  root: '/',
  unknown: [{ option: 'upper', shown: 'relative', reason: 'it is relative' }],
};

test('a line a layer, doubts below it', () => {
  expect(listText([mount], plain)).toEqual([
    '/m',
    '  upper    relative',
    '           (not to be found by this: it is relative)',
    '  lower 0  /a',
    '  lower 1  /\\xff',
    '  data 0   /d',
    '  work     /w',
    '  options  index=on,odd=x',
    '  mount    ro,nosuid, shared, id 7',
  ]);
});
test('what is unusual about a mount', () => {
  const { upper: _, work: __, ...view } = mount;
  const odd = {
    ...view,
    data: [],
    options: {},
    source: 'mine',
    root: '/sub',
    readOnly: true,
    attributes: {},
    unknown: [],
  };
  expect(listText([odd, odd], plain).slice(4, 6)).toEqual(['', '/m']);
  expect(listText([odd], plain).at(-1)).toBe(
    '  mount    filesystem read-only, shared, source mine, shows only /sub of the overlay, id 7',
  );
});
test('an option that text cannot say does not hide the mount', () => {
  const options = { raw: { odd: 'a,b' } };
  expect(listText([{ ...mount, options }], plain)).toContain('  options  {"options":{"raw":{"odd":"a,b"}}}');
});
