// How changes look to people: a letter and a path each, deletions first, and a summary that is never cut.
import type { Change } from '../layer/change.ts';
import { printable } from './printable.ts';
import type { Style, Terminal } from './terminal.ts';

type Painter = Pick<Terminal, 'paint'>;

/** Those of `docker diff`, and R for what was renamed. */
export type Letter = 'D' | 'A' | 'C' | 'R';

const COLOURS: Readonly<Record<Letter, Style>> = { D: 'red', A: 'green', C: 'yellow', R: 'cyan' };

export function letterOf({ kind, from }: Change): Letter {
  if (from !== undefined) return 'R';
  return kind === 'deleted' ? 'D' : kind === 'added' ? 'A' : 'C';
}

const bytes = (path: Change['path']) => Buffer.from(path as Uint8Array);

/** Deletions first, then by path. */
export function inOrder(changes: readonly Change[]): Change[] {
  return changes
    .map((change) => ({ change, late: change.kind !== 'deleted', key: bytes(change.path) }))
    .sort((a, b) => Number(a.late) - Number(b.late) || Buffer.compare(a.key, b.key))
    .map(({ change }) => change);
}

const shownPath = (path: Change['path']) => (path === '.' ? '/' : `/${printable(path)}`);

/** `C /etc/passwd  (content, mtime)`. */
export function changeLine(change: Change, { paint }: Painter): string {
  const { path, type, from, what, linkTo, error } = change;
  const letter = letterOf(change);
  const slash = type === 'directory' && path !== '.' ? '/' : '';
  const notes = [
    ...(from === undefined ? [] : [`from ${shownPath(from)}`]),
    ...(linkTo === undefined ? [] : [`hard link to ${shownPath(linkTo)}`]),
    ...what,
  ];
  const note = notes.length === 0 ? '' : `  ${paint(`(${notes.join(', ')})`, 'dim')}`;
  const trouble = error === undefined ? '' : `  ${paint(error.message, 'red')}`;
  return `${paint(letter, COLOURS[letter])} ${shownPath(path)}${slash}${note}${trouble}`;
}

/** `2 deleted, 1 renamed, 3 added, 1 changed`. */
export function summary(changes: readonly Change[]): string {
  const count = (letter: Letter) => changes.filter((change) => letterOf(change) === letter).length;
  const names = { D: 'deleted', R: 'renamed', A: 'added', C: 'changed' } as const;
  return (Object.keys(names) as Letter[]).map((letter) => `${count(letter)} ${names[letter]}`).join(', ');
}

/** A line a kind of entry and a letter, most first, for --stat. */
export function statLines(changes: readonly Change[]): string[] {
  const counts = new Map<string, number>();
  for (const change of changes) {
    const key = `${letterOf(change)} ${change.type}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const rows = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const width = Math.max(0, ...rows.map(([, n]) => String(n).length));
  return rows.map(([key, n]) => `${String(n).padStart(width)} ${key}`);
}
