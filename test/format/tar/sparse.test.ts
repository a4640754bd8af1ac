import { describe, expect, test } from 'vitest';
import { checkExtents, paxSparse, SparseMapText } from '../../../lib/format/tar/sparse.ts';
import fc from '../../support/fast-check.ts';
import { END, header, octal, padded, pax, readAll, withBody } from './archive.ts';

const record = ([keyword, value]: readonly [string, string]) => ({
  keyword: `GNU.sparse.${keyword}`,
  value: Buffer.from(value),
});
const size = ['size', '4096'] as const;
const extents = [
  { offset: 512, length: 512 },
  { offset: 2048, length: 3 },
];
/** The file that all forms below tell of: 4096 bytes, of which 515 are stored. */
const content = Buffer.alloc(4096);
content.fill('D', 512, 1024);
content.fill('e', 2048, 2051);
const stored = Buffer.from(`${'D'.repeat(512)}eee`);

function oldMap(block: Buffer, first: number, numbers: readonly number[]): void {
  for (const [i, number] of numbers.entries()) block.write(octal(number), first + 12 * i, 'latin1');
}

describe('one file in each form', () => {
  const forms: Record<string, Buffer> = {
    'the old header': withBody(stored, { type: 'S', magic: 'ustar  \0' }),
    'pax 0.0': Buffer.concat([
      pax([
        ['GNU.sparse.size', '4096'],
        ['GNU.sparse.numblocks', '2'],
        ['GNU.sparse.offset', '512'],
        ['GNU.sparse.numbytes', '512'],
        ['GNU.sparse.offset', '2048'],
        ['GNU.sparse.numbytes', '3'],
      ]),
      withBody(stored, {}),
    ]),
    'pax 0.1': Buffer.concat([
      pax([
        ['GNU.sparse.size', '4096'],
        ['GNU.sparse.name', 'f'],
        ['GNU.sparse.map', '512,512,2048,3'],
      ]),
      withBody(stored, { name: 'GNUSparseFile.1/f' }),
    ]),
    'pax 1.0': Buffer.concat([
      pax([
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.name', 'f'],
        ['GNU.sparse.realsize', '4096'],
      ]),
      withBody(Buffer.concat([padded('2\n512\n512\n2048\n3\n'), stored]), { name: 'GNUSparseFile.1/f' }),
    ]),
  };
  forms['the old header'] = Buffer.concat([
    header({ type: 'S', magic: 'ustar  \0', size: octal(515) }, (block) => {
      oldMap(block, 386, [512, 512, 2048, 3, 4096, 0]);
      block.write(octal(4096), 483, 'latin1');
    }),
    padded(stored),
  ]);

  test.each(Object.keys(forms))('%s', (form) => {
    const [entry, next] = readAll(Buffer.concat([forms[form]!, header({ name: 'next' }), END]), 100);
    expect(entry).toMatchObject({ type: 'file', size: 4096, extents });
    expect(entry!.name.toString()).toBe('f');
    expect(entry!.content.equals(content)).toBe(true);
    expect(next!.name.toString()).toBe('next');
  });
});

test('an old header with more extents than it has room for', () => {
  const count = 4 + 21 + 2;
  const numbers = Array.from({ length: count }, (_, i) => [i * 1000, 1]).flat();
  const blocks = [0, 1].map((i) => {
    const block = Buffer.alloc(512);
    oldMap(block, 0, numbers.slice(8 + i * 42, 8 + (i + 1) * 42));
    block[504] = i === 0 ? 1 : 0;
    return block;
  });
  const head = header({ type: 'S', magic: 'ustar  \0', size: octal(count) }, (block) => {
    oldMap(block, 386, numbers.slice(0, 8));
    block[482] = 1;
    block.write(octal(26_001), 483, 'latin1');
  });
  const archive = Buffer.concat([head, ...blocks, padded('x'.repeat(count)), END]);
  const [entry] = readAll(archive);
  expect(entry!.extents).toHaveLength(count);
  expect(entry!.content[26_000]).toBe('x'.charCodeAt(0));
  expect(() => readAll(archive, 512, { extendedHeader: 600 })).toThrow(
    expect.objectContaining({ code: 'ERR_OVERLAY_TAR_LIMIT' }),
  );
});

test('pax records of other things tell of no sparse file', () => {
  expect(paxSparse([{ keyword: 'path', value: Buffer.from('x') }], 0)).toBeUndefined();
});

test.each([
  ['no size', [['map', '0,1']]],
  ['a size that is no number', [['size', '-1']]],
  ['half an entry', [size, ['map', '0,1,2']]],
  [
    'form 1.0 without a size',
    [
      ['major', '1'],
      ['minor', '0'],
    ],
  ],
] as const)('refuses pax records with %s', (_, records) => {
  expect(() => paxSparse(records.map(record), 0)).toThrow(/sparse file/);
});

test('refuses a form that is not known', () => {
  const records = [['major', '2'] as const, ['minor', '0'] as const, size].map(record);
  expect(() => paxSparse(records, 0)).toThrow(
    expect.objectContaining({ code: 'ERR_OVERLAY_TAR_UNSUPPORTED' }),
  );
});

describe('the map of form 1.0', () => {
  test('may be cut into blocks anywhere', () => {
    const text = Buffer.from('2\n512\n512\n2048\n3\n');
    fc.assert(
      fc.property(fc.nat(text.length - 1), (at) => {
        const map = new SparseMapText(0);
        expect(map.add(text.subarray(0, at))).toBeUndefined();
        expect(map.add(text.subarray(at))).toEqual(extents);
      }),
    );
  });
  test('may be empty', () => {
    expect(new SparseMapText(0).add(Buffer.from('0\n'))).toEqual([]);
  });
  test.each(['x\n', '\n', '1\n-5\n', '99999999999999999\n'])('refuses %j', (text) => {
    expect(() => new SparseMapText(0).add(Buffer.from(text))).toThrow(/sparse file/);
  });
  test('longer than the content is refused', () => {
    const records = pax([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '10'],
    ]);
    const archive = Buffer.concat([records, withBody('999\n'.repeat(128), {}), END]);
    expect(() => readAll(archive)).toThrow(/longer than its content/);
  });
});

test.each([
  [
    'overlap',
    [
      [0, 2],
      [1, 1],
    ],
    3,
    /not in order/,
  ],
  [
    'another order',
    [
      [5, 1],
      [0, 1],
    ],
    2,
    /not in order/,
  ],
  ['an end beyond the file', [[9, 2]], 2, /beyond the size/],
  ['less than is stored', [[0, 1]], 2, /tells of 1 bytes, and 2/],
  ['more than is stored', [[0, 3]], 2, /tells of 3 bytes/],
  ['no numbers', [[Number.NaN, 3]], 3, /no number/],
] as const)('refuses a map with %s', (_, pairs, total, message) => {
  const list = pairs.map(([offset, length]) => ({ offset, length }));
  expect(() => checkExtents({ extents: list, size: 10 }, total, 0)).toThrow(message);
});

test('empty extents, which mark an end, are left out', () => {
  const list = [...extents, { offset: 4096, length: 0 }];
  expect(checkExtents({ extents: list, size: 4096 }, 515, 0)).toEqual(extents);
});
