// How the layers of a stack are named to people: `upper`, `lower 0`, with their directories and a colour each.
import type { LayerPlace, StackSpec } from '../layer/index.ts';
import { printable } from './printable.ts';
import type { Style } from './terminal.ts';

/** `upper`, `lower 0`, `data 1`. */
export function layerLabel({ layer: { kind, index } }: Pick<LayerPlace, 'layer'>): string {
  return kind === 'upper' ? kind : `${kind} ${index}`;
}

const COLOURS: readonly Style[] = ['green', 'cyan', 'yellow'];

/** The upper is green; lowers take turns, so that neighbours differ. */
export function layerColour({ layer: { kind, index } }: Pick<LayerPlace, 'layer'>): Style {
  return kind === 'upper' ? 'green' : COLOURS[1 + (index % 2)]!;
}

/** The directory of a layer, as it was given; a descriptor as its number. */
export function layerDirectory(spec: StackSpec, { layer }: Pick<LayerPlace, 'layer'>): string {
  const { lower, data = [], upper } = spec;
  const all = { upper, lower: [lower].flat()[layer.index], data: data[layer.index] };
  const source = all[layer.kind];
  if (typeof source === 'string' || source instanceof Uint8Array) return printable(source as string);
  if (source instanceof URL) return printable(source.href);
  return source === undefined ? '' : `descriptor ${(source as { fd: number }).fd}`;
}

/** Where a place of a layer is on the disk. */
export function layerPath(spec: StackSpec, at: LayerPlace): string {
  const directory = layerDirectory(spec, at);
  const place = printable(at.place);
  return place === '.' ? directory : `${directory.replace(/\/$/, '')}/${place}`;
}

/** A line a layer, top first. */
export function layerLines(spec: StackSpec): string[] {
  const { upper, lower, data = [] } = spec;
  const places = (kind: 'lower' | 'data', sources: readonly unknown[]) =>
    sources.map((_, index) => ({ layer: { kind, index } }));
  const all = [
    ...(upper === undefined ? [] : [{ layer: { kind: 'upper' as const, index: 0 } }]),
    ...places('lower', [lower].flat()),
    ...places('data', data),
  ];
  return all.map((at) => `${layerLabel(at)} ${layerDirectory(spec, at)}`);
}
