// Two snapshots compared, and the difference said in lines that a person can act on.
import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import type { Entry, Snapshot } from './snapshot.ts';

/** The runs of one character that names and values are made long with, as `n×255`. */
export function shortened(text: string): string {
  return text.replace(/(.)\1{20,}/g, (run, character: string) => `${character}×${run.length}`);
}

/** A path with what a terminal cannot show as escapes; the root as `.`. */
export function shownPath(path: string): string {
  const bytes = Buffer.from(path, 'latin1');
  return path === '' ? '.' : shortened(JSON.stringify(isUtf8(bytes) ? bytes.toString() : path).slice(1, -1));
}

function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'bigint' ? `${value}` : JSON.stringify(value);
}

function shownEntry(entry: Entry): string {
  return entry.error ?? `${entry.type} ${entry.mode?.toString(8)} ${shownValue(entry.content)}`;
}

function entryDifference(
  path: string,
  left: Entry,
  right: Entry,
  names: readonly [string, string],
): string[] {
  const fields = new Set([...Object.keys(left), ...Object.keys(right)]) as Set<keyof Entry>;
  return [...fields]
    .filter((field) => !isDeepStrictEqual(left[field], right[field]))
    .map(
      (field) =>
        `${shownPath(path)}: ${field} is ${shownValue(left[field])} in ${names[0]}, ${shownValue(right[field])} in ${names[1]}`,
    );
}

/** A line for each difference, none when the trees are equal. */
export function differences(left: Snapshot, right: Snapshot, names: readonly [string, string]): string[] {
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort();
  return paths.flatMap((path) => {
    const [a, b] = [left.get(path), right.get(path)];
    if (a === undefined) return [`${shownPath(path)}: only in ${names[1]} (${shownEntry(b!)})`];
    if (b === undefined) return [`${shownPath(path)}: only in ${names[0]} (${shownEntry(a)})`];
    return entryDifference(path, a, b, names);
  });
}
