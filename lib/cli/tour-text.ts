// How a step of the tour looks: a title, a sentence, what to type, what to call, and what came of it.
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';
import type { Step } from './tour-steps.ts';
import type { Listing } from './tour-view.ts';

type Painter = Pick<Terminal, 'paint'>;

function table(rows: readonly (readonly string[])[], painter: Painter): string[] {
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return rows.map(([where = '', name = '', what = '']) =>
    [painter.paint(where.padEnd(widths[0]!), 'dim'), name.padEnd(widths[1]!), painter.paint(what, 'green')]
      .filter((_, column) => column > 0 || widths[0]! > 0)
      .join('  ')
      .trimEnd(),
  );
}

function directoryRows(directory: string, listing: Listing): string[][] {
  const entries = Object.entries(listing);
  if (entries.length === 0) return [[`${directory}/`, '(empty)', '']];
  return entries.map(([name, what], i) => [i === 0 ? `${directory}/` : '', name, what]);
}

/** The lines of a step. */
export function stepText(step: Step, number: number, painter: Painter): string[] {
  const { paint } = painter;
  const directories = Object.entries(step.directories ?? {}).flatMap(([name, listing]) =>
    directoryRows(name, listing),
  );
  const files = Object.entries(step.files ?? {}).map(([name, what]) => ['', name, what]);
  const seen = [
    ...table(directories, painter),
    ...table(files, painter),
    ...(step.facts ?? []).map(printable),
  ];
  return [
    '',
    paint(`${String(number).padStart(2)}  ${step.title}`, 'bold'),
    `    ${step.sentence}`,
    ...step.shell.map((line) => `    ${paint('$', 'cyan')} ${paint(line, 'cyan')}`),
    ...step.call.map((line) => `    ${paint('>', 'yellow')} ${paint(line, 'yellow')}`),
    ...seen.map((line) => `      ${line}`),
  ];
}
