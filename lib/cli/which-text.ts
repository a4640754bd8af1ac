// How a lookup looks to people: the layers top to bottom, the one that answers marked, and of the others why not.
import type { LayerLook, Lookup, StackSpec } from '../layer/index.ts';
import { layerColour, layerLabel, layerPath } from './layer-text.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

type Painter = Pick<Terminal, 'paint'>;

function whyHidden({ hiddenBy }: LayerLook): string {
  if (hiddenBy === undefined) return 'hidden';
  const by = `${printable(hiddenBy.place)} of ${layerLabel(hiddenBy)}`;
  const reason = {
    whiteout: `deleted by the whiteout ${by}`,
    opaque: `below ${by}, which is opaque`,
    covered: `covered by ${by}`,
    redirect: `not where ${by} leads by its redirect`,
  };
  return `hidden: ${reason[hiddenBy.why]}`;
}

/** What one layer has there, in words. */
export function lookWords(look: LayerLook): string {
  const { role, type, whiteout, opaque, redirect, metacopy, error } = look;
  const notes = [
    ...(opaque ? ['opaque'] : []),
    ...(redirect === undefined ? [] : [`redirect to ${printable(redirect)}`]),
    ...(metacopy ? ['metadata alone'] : []),
  ];
  const what = `${type ?? 'entry'}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
  const words: Readonly<Record<typeof role, string>> = {
    shown: what,
    merged: `${what}, merged`,
    content: `${what}, gives the content`,
    passed: `${what}, passed over: its content is further down`,
    deletes: `whiteout (${whiteout === 'xattr' ? 'attribute' : 'device 0:0'}): deleted here`,
    hidden: `${what}, ${whyHidden(look)}`,
    absent: '-',
    unreadable: 'cannot be read',
  };
  return error === undefined ? words[role] : `${words[role]}; ${error.message}`;
}

const ANSWERS: ReadonlySet<LayerLook['role']> = new Set(['shown', 'merged', 'content']);

/** The lines: `>` marks the layer whose metadata is seen, `+` those that add entries or content. */
export function whichText(found: Lookup, spec: StackSpec, { paint }: Painter): string[] {
  const rows = found.layers.map((look) => ({
    look,
    label: layerLabel(look),
    path: look.role === 'absent' ? layerPath(spec, { ...look, place: '.' }) : layerPath(spec, look),
  }));
  const wide = (column: 'label' | 'path') => Math.max(0, ...rows.map((row) => row[column].length));
  const [labels, paths] = [wide('label'), wide('path')];
  return [
    `${paint(printable(found.path), 'bold')}: ${verdict(found)}`,
    ...rows.map(({ look, label, path }) => {
      const mark = look.role === 'shown' ? '>' : ANSWERS.has(look.role) ? '+' : ' ';
      const text = `${mark} ${label.padEnd(labels)}  ${path.padEnd(paths)}  ${lookWords(look)}`;
      return ANSWERS.has(look.role) ? paint(text, layerColour(look)) : paint(text, 'dim');
    }),
    // The verdict and the layers have told of errors.
    ...remarks(found).map((sentence) => paint(`! ${sentence}`, 'yellow')),
  ];
}

function remarks({ findings, layers, error }: Lookup): string[] {
  const told = [error, ...layers.map((look) => look.error)].flatMap((error) => error?.findings ?? []);
  return findings.filter((finding) => !told.includes(finding)).map(({ sentence }) => sentence);
}

function verdict({ entry, error, layers }: Lookup): string {
  if (error !== undefined) return `an overlay fails here: ${error.message}`;
  if (entry !== undefined) return `${entry.type} of ${layerLabel(entry)}`;
  const deleting = layers.find(({ role }) => role === 'deletes');
  if (deleting !== undefined) return `deleted by ${layerLabel(deleting)}`;
  const hidden = layers.find(({ role }) => role === 'hidden');
  return hidden === undefined ? 'no layer has it' : `not seen: ${whyHidden(hidden)}`;
}
