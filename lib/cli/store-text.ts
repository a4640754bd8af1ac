// How snapshots look to people: a table with a line each, parents before what was made of them.
import type { Finding } from '../index.ts';
import type { Snapshot, Usage } from '../store/index.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

type Painter = Pick<Terminal, 'paint'>;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.5 MiB`. */
export function amount(bytes: number): string {
  let unit = 0;
  let size = bytes;
  for (; size >= 1024 && unit < UNITS.length - 1; unit++) size /= 1024;
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`;
}

/** Each behind its parent, deeper by one. */
export function inTree(
  snapshots: readonly Snapshot[],
): { readonly snapshot: Snapshot; readonly depth: number }[] {
  const names = new Set(snapshots.map(({ name }) => name));
  const children = new Map<string | undefined, Snapshot[]>();
  for (const snapshot of snapshots) {
    // One whose parent was filtered out stands by itself.
    const above = snapshot.parent !== undefined && names.has(snapshot.parent) ? snapshot.parent : undefined;
    children.set(above, [...(children.get(above) ?? []), snapshot]);
  }
  const rows: { snapshot: Snapshot; depth: number }[] = [];
  const pending = (children.get(undefined) ?? []).map((snapshot) => ({ snapshot, depth: 0 })).reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    rows.push(next);
    const { snapshot, depth } = next;
    for (const child of (children.get(snapshot.name) ?? []).reverse())
      pending.push({ snapshot: child, depth: depth + 1 });
  }
  return rows;
}

function labelsText({ labels }: Snapshot): string {
  return Object.entries(labels)
    .map(([name, text]) => `${printable(name)}=${printable(text)}`)
    .join(' ');
}

// Chains of layers would run out of the screen.
const DEEPEST = 8;

export function snapshotLines(snapshots: readonly Snapshot[], { paint }: Painter): string[] {
  const rows = inTree(snapshots).map(({ snapshot, depth }) => {
    const indent = depth > DEEPEST ? `${'  '.repeat(DEEPEST)}(${depth}) ` : '  '.repeat(depth);
    const created = snapshot.created.toISOString().slice(0, 19);
    return [snapshot.kind, created, `${indent}${printable(snapshot.name)}`, labelsText(snapshot)] as const;
  });
  const width = Math.max(0, ...rows.map(([kind]) => kind.length));
  return rows.map(([kind, created, name, labels]) =>
    `${kind.padEnd(width)}  ${paint(created, 'dim')}  ${name}  ${paint(labels, 'dim')}`.trimEnd(),
  );
}

export function usageLine(name: string, { bytes, inodes }: Usage): string {
  return `${amount(bytes)}, ${inodes} inodes: ${printable(name)}`;
}

export function findingLines(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ code, sentence, hint }) => [`${sentence} (${code})`, `  hint: ${hint}`]);
}
