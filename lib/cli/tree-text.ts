// A line of the tree: the name in the colour of its layer, what it is, and the layers it comes from.
import type { EntryPath, MergedEntry } from '../layer/index.ts';
import { layerColour, layerLabel } from './layer-text.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

type Painter = Pick<Terminal, 'paint'>;

const bytes = (path: EntryPath) => Buffer.from(path as Uint8Array);

/** By the bytes of their names, as LC_ALL=C sort(1) does. */
export function sortedByName(entries: readonly MergedEntry[]): MergedEntry[] {
  return entries
    .map((entry) => ({ entry, key: bytes(entry.path) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ entry }) => entry);
}

function nameOf(path: EntryPath): string {
  const whole = bytes(path);
  return printable(whole.subarray(whole.lastIndexOf(0x2f) + 1));
}

const SUFFIX: Partial<Record<MergedEntry['type'], string>> = { directory: '/', fifo: '|', socket: '=' };

/** @param link where a symbolic link leads */
export function entryLine(entry: MergedEntry, link: EntryPath | undefined, { paint }: Painter): string {
  const name = entry.path === '.' ? '.' : `${nameOf(entry.path)}${SUFFIX[entry.type] ?? ''}`;
  const device =
    entry.type === 'block' || entry.type === 'character'
      ? ` ${entry.type} ${entry.rdev.major}:${entry.rdev.minor}`
      : '';
  const target = link === undefined ? '' : ` -> ${printable(link)}`;
  const { content, dataPath } = entry;
  const layers = [
    ...entry.layers.map(layerLabel),
    ...(content === undefined ? [] : [`content of ${layerLabel(content)}`]),
    ...(dataPath === undefined ? [] : [`content ${printable(dataPath)} of a data layer`]),
  ].join(', ');
  const error = entry.error === undefined ? '' : ` ${paint(entry.error.message, 'red')}`;
  return `${paint(name, layerColour(entry))}${device}${target}  ${paint(`[${layers}]`, 'dim')}${error}`;
}
