// What mount(8) and this package said of each condition of the catalogue, as a run recorded it in words.json.
import { readFileSync } from 'node:fs';

export interface Words {
  /** As the condition has it. */
  readonly id: string;
  readonly condition: string;
  /** The first line of mount(8), without the target before it; absent when it mounts. */
  readonly mount8?: string;
  readonly code: string;
  readonly sentence: string;
  readonly hint: string;
}

export interface Recorded {
  /** The kernel and mount(8) of the run. */
  readonly system: string;
  readonly rows: readonly Words[];
}

export const recorded: Recorded = JSON.parse(
  readFileSync(new URL('words.json', import.meta.url), 'utf8'),
) as Recorded;

/** What a table cell shows of mount(8). */
export function mount8Cell(words: string | undefined): string {
  return words === undefined ? '*nothing: it mounts*' : cell(words);
}

export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
