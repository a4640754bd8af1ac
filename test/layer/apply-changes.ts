// Whether changes are right: applied to the view before they must give the view after, and name each difference.
import type { Change, EntryPath } from '../../lib/layer/change.ts';
import type { Seen, View } from './merged-view.ts';

const key = (path: EntryPath) => Buffer.from(path as string).toString('latin1');

/** What of two entries differs, found without the code that is tested. */
function parts(before: Seen, after: Seen): string[] {
  const same = (field: keyof Seen) =>
    JSON.stringify(before[field] ?? null, text) === JSON.stringify(after[field] ?? null, text);
  const sameType = before.type === after.type;
  if (!sameType) return ['type'];
  const found: [string, boolean][] = [
    ['content', same('content') && same('rdev')],
    ['mode', same('mode')],
    ['owner', same('uid') && same('gid')],
    ['mtime', same('mtime')],
    ['xattr', sameXattrs(before, after)],
  ];
  return found.filter(([, equal]) => !equal).map(([part]) => part);
}

const text = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

function sameXattrs(before: Seen, after: Seen): boolean {
  const sorted = ({ xattrs = {} }: Seen) => JSON.stringify(Object.entries(xattrs).sort());
  return sorted(before) === sorted(after);
}

const below = (path: string) => (other: string) => other === path || other.startsWith(`${path}/`);

/** What is wrong with the changes, a sentence each. */
export function problemsOf(before: View, after: View, changes: readonly Change[]): string[] {
  const tree = new Map<string, Seen | undefined>(Object.entries(before));
  const told = new Map<string, Change>();
  const problems: string[] = [];
  for (const change of changes) {
    const path = key(change.path);
    if (told.has(path)) problems.push(`${path} is told twice`);
    told.set(path, change);
    if ((change.kind === 'added') === tree.has(path))
      problems.push(`${path} is ${change.kind}, and is${tree.has(path) ? '' : ' not'} there`);
    const replaced = change.kind === 'deleted' || change.from !== undefined || change.what.includes('type');
    const was = tree.get(path);
    if (replaced) for (const gone of [...tree.keys()].filter(below(path))) tree.delete(gone);
    if (change.kind === 'deleted') continue;
    if (change.from === undefined) tree.set(path, was);
    else {
      const from = key(change.from);
      for (const moved of Object.keys(before).filter(below(from)))
        tree.set(path + moved.slice(from.length), before[moved]);
      if (before[from] === undefined) problems.push(`${path} is from ${from}, where nothing was`);
    }
  }
  for (const path of tree.keys())
    if (after[path] === undefined) problems.push(`${path} is not told to be deleted`);
  for (const [path, now] of Object.entries(after)) {
    if (!tree.has(path)) problems.push(`${path} is not told to be added`);
    const was = tree.get(path);
    const change = told.get(path);
    if (change !== undefined && change.type !== now.type) problems.push(`${path} is no ${change.type}`);
    const expected = was === undefined ? [] : parts(was, now);
    const what = change?.what ?? [];
    if ([...what].sort().join() !== expected.sort().join())
      problems.push(
        `${path} differs in ${expected.join() || 'nothing'}, and is told to differ in ${what.join() || 'nothing'}`,
      );
    if (change !== undefined && change.kind === 'modified' && change.from === undefined && what.length === 0)
      problems.push(`${path} is told to be modified in nothing`);
  }
  return problems;
}
