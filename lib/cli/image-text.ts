// What an image holds, for people: a line for the whole, one for each layer, and the paths that carry what nobody sees.
import type { InspectedLayer, Inspection, LayerChange, Tally, WastedPath } from '../oci/index.ts';
import { printable } from './printable.ts';
import { amount } from './store-text.ts';
import type { Terminal } from './terminal.ts';

type Painter = Pick<Terminal, 'paint'>;

const percent = (part: number) => `${(Math.floor(part * 1000) / 10).toFixed(1)} %`;
const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;

interface Column<T> {
  readonly head: string;
  /** Words begin at one place, numbers end at one. */
  readonly words?: true;
  readonly cell: (row: T, index: number) => string;
}

function table<T>(columns: readonly Column<T>[], rows: readonly T[], { paint }: Painter): string[] {
  const cells = rows.map((row, i) => columns.map(({ cell }) => cell(row, i)));
  const widths = columns.map(({ head }, i) => Math.max(head.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (columns[i]!.words ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [paint(line(columns.map(({ head }) => head)), 'dim'), ...cells.map(line)];
}

export function summaryLines({ layers, size, bytes, wasted, efficiency, tree }: Inspection): string[] {
  return [
    `${plural(layers.length, 'layer')}, ${amount(size)} packed; ${plural(tree.paths, 'path')} with ${amount(tree.bytes)} in files`,
    `efficiency ${percent(efficiency)}: of ${amount(bytes)} in the layers ${amount(wasted)} are not seen in the end`,
  ];
}

const tally = ({ paths, bytes }: Tally) => (paths === 0 ? '-' : `${paths} (${amount(bytes)})`);

/** The part of a step that says something, in one line. */
function stepOf({ createdBy = '' }: InspectedLayer): string {
  const line = createdBy.replace(/^\/bin\/sh -c (?:#\(nop\)\s*)?/, '').replaceAll(/\s+/g, ' ');
  return printable(line.length > 60 ? `${line.slice(0, 59)}…` : line);
}

const MADE_BY: Column<InspectedLayer> = { head: 'made by', words: true, cell: stepOf };
const LAYER_COLUMNS: readonly Column<InspectedLayer>[] = [
  { head: 'layer', cell: (_, index) => String(index) },
  { head: 'packed', cell: ({ size }) => amount(size) },
  { head: 'unpacked', cell: ({ archiveSize }) => amount(archiveSize) },
  { head: 'added', cell: ({ added }) => tally(added) },
  { head: 'changed', cell: ({ modified }) => tally(modified) },
  { head: 'deleted', cell: ({ deleted }) => tally(deleted) },
  { head: 'not seen', cell: ({ wasted }) => (wasted === 0 ? '-' : amount(wasted)) },
];

export function layerTable({ layers }: Inspection, painter: Painter): string[] {
  const named = layers.some(({ createdBy }) => createdBy !== undefined);
  return table(named ? [...LAYER_COLUMNS, MADE_BY] : LAYER_COLUMNS, layers, painter);
}

/** `0-3,7`. */
function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let end = i;
    while (numbers[end + 1] === numbers[end]! + 1) end++;
    parts.push(end === i ? String(numbers[i]) : `${numbers[i]}-${numbers[end]}`);
    i = end + 1;
  }
  return parts.join(',');
}

function whyOf({ why, bytes, sameContent }: WastedPath): string {
  const words = why.join(', ');
  if (sameContent === 0) return words;
  return `${words}${sameContent === bytes ? '' : ` (${amount(sameContent)})`} with the same content`;
}

const WASTE_COLUMNS: readonly Column<WastedPath>[] = [
  { head: 'not seen', cell: ({ bytes }) => amount(bytes) },
  { head: 'files', cell: ({ files }) => String(files) },
  { head: 'path', words: true, cell: ({ path }) => printable(path) },
  { head: 'of layers', words: true, cell: ({ carriedBy }) => ranges(carriedBy) },
  { head: 'hidden by', words: true, cell: ({ hiddenBy }) => ranges(hiddenBy) },
  { head: 'why', words: true, cell: whyOf },
];

export function wasteTable({ waste }: Inspection, most: number, painter: Painter): string[] {
  const lines = table(WASTE_COLUMNS, waste.slice(0, most), painter);
  const left = waste.length - most;
  if (left > 0) lines.push(painter.paint(`and ${plural(left, 'path')} more: --top ${waste.length}`, 'dim'));
  return lines;
}

const SIGNS = { added: ['+', 'green'], modified: ['~', 'yellow'], deleted: ['-', 'red'] } as const;

/** What a layer does, a line for each path: `+ usr/share/doc/ 120 paths, 1.2 MiB`. */
export function changeLines({ changes }: InspectedLayer, { paint }: Painter): string[] {
  return changes.map(({ kind, path, type, paths, bytes }: LayerChange) => {
    const [sign, colour] = SIGNS[kind];
    const name = `${printable(path)}${type === 'directory' ? '/' : ''}`;
    const many = [...(paths > 1 ? [plural(paths, 'path')] : []), ...(bytes > 0 ? [amount(bytes)] : [])];
    return `${paint(`${sign} ${name}`, colour)}  ${paint(many.join(', '), 'dim')}`.trimEnd();
  });
}
