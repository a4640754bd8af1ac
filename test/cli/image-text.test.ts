import { expect, test } from 'vitest';
import { changeLines, layerTable, summaryLines, wasteTable } from '../../lib/cli/image-text.ts';
import type { InspectedLayer, Inspection } from '../../lib/oci/index.ts';

const painter = { paint: (text: string) => text };
const none = { paths: 0, bytes: 0 };

const layer = (more: Partial<InspectedLayer>): InspectedLayer => ({
  digest: 'sha256:0',
  diffId: 'sha256:0',
  mediaType: '',
  size: 1024,
  archiveSize: 2048,
  entries: 1,
  bytes: 1000,
  wasted: 0,
  added: none,
  modified: none,
  deleted: none,
  unchanged: none,
  changes: [],
  ...more,
});

const inspection: Inspection = {
  layers: [
    layer({ added: { paths: 3, bytes: 1000 }, wasted: 999, createdBy: '/bin/sh -c #(nop)  ADD file:1 in /' }),
    layer({
      modified: { paths: 1, bytes: 5 },
      deleted: { paths: 2, bytes: 9 },
      createdBy: `RUN ${'x\n'.repeat(40)}`,
    }),
  ],
  size: 2048,
  bytes: 2000,
  wasted: 1,
  efficiency: 1999 / 2000,
  tree: { paths: 1, bytes: 1999 },
  waste: [
    {
      path: 'a\nb',
      bytes: 20,
      files: 1,
      sameContent: 20,
      why: ['overwritten'],
      carriedBy: [0],
      hiddenBy: [1],
    },
    {
      path: Buffer.from([0xff]),
      bytes: 10,
      files: 12,
      sameContent: 4,
      why: ['deleted', 'overwritten'],
      carriedBy: [0, 1, 2, 5, 7, 8],
      hiddenBy: [1, 9],
    },
  ],
};

test('the whole in two lines; what is nearly all is not told to be all', () => {
  expect(summaryLines(inspection)).toEqual([
    '2 layers, 2.0 KiB packed; 1 path with 2.0 KiB in files',
    'efficiency 99.9 %: of 2.0 KiB in the layers 1 B are not seen in the end',
  ]);
});

test('a line for each layer, with its step where steps are told', () => {
  expect(layerTable(inspection, painter)).toEqual([
    'layer   packed  unpacked       added  changed  deleted  not seen  made by',
    '    0  1.0 KiB   2.0 KiB  3 (1000 B)        -        -     999 B  ADD file:1 in /',
    `    1  1.0 KiB   2.0 KiB           -  1 (5 B)  2 (9 B)         -  RUN ${'x '.repeat(27)}x…`,
  ]);
  const { layers } = inspection;
  const unnamed = layers.map(({ createdBy: _, ...rest }) => rest);
  expect(layerTable({ ...inspection, layers: unnamed }, painter)[0]).toMatch(/not seen$/);
});

test('the paths that waste most, as a terminal may show them', () => {
  expect(wasteTable(inspection, 10, painter)).toEqual([
    'not seen  files  path  of layers  hidden by  why',
    '    20 B      1  a\\nb  0          1          overwritten with the same content',
    '    10 B     12  \\xff  0-2,5,7-8  1,9        deleted, overwritten (4 B) with the same content',
  ]);
  expect(wasteTable(inspection, 1, painter).at(-1)).toBe('and 1 path more: --top 2');
});

test('what one layer changes', () => {
  const changes: InspectedLayer['changes'] = [
    { kind: 'added', path: 'd', type: 'directory', paths: 3, bytes: 2048 },
    { kind: 'modified', path: 'f', type: 'file', paths: 1, bytes: 5 },
    { kind: 'deleted', path: 'l', type: 'symlink', paths: 1, bytes: 0 },
  ];
  expect(changeLines(layer({ changes }), painter)).toEqual(['+ d/  3 paths, 2.0 KiB', '~ f  5 B', '- l']);
});
