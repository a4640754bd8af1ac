// Renamed directories that cannot be moved are made anew, with all that is in them.
import type { Change } from '../layer/change.ts';
import type { BothViews } from './both-views.ts';
import { keyOf } from './entry-key.ts';
import { ancestorsOf, Frames } from './frames.ts';
import { makesAnew } from './selection.ts';

/** The places of the tree as it was at which nothing is left of what was there. */
export class Vacancies {
  readonly #gone = new Set<string>();

  constructor(changes: readonly Change[]) {
    const frames = new Frames(changes);
    for (const change of changes) {
      const was = frames.placeOf(keyOf(change.path));
      const goes = change.kind === 'deleted' || (change.kind === 'modified' && makesAnew(change));
      if (goes && was !== undefined) this.#gone.add(was);
    }
  }

  has(place: string): boolean {
    return this.#gone.has(place) || [...ancestorsOf(place)].some((above) => this.#gone.has(above));
  }
}

function unmovable(changes: readonly Change[], canMove: (from: string) => boolean): Change | undefined {
  const sources = new Set<string>();
  const vacancies = new Vacancies(changes);
  return changes.find(({ type, from }) => {
    if (type !== 'directory' || from === undefined) return false;
    const source = keyOf(from);
    const twice = sources.has(source);
    sources.add(source);
    return twice || !canMove(source) || !vacancies.has(source);
  });
}

/**
 * The same changes, but for directories whose old name stays, or is the old name of two, or not a directory in the
 * target: such an upper is not made by a mount, but by copying, or by applying a part of the changes.
 */
export async function withWholeDirectories(
  changes: readonly Change[],
  views: BothViews,
  canMove: (from: string) => boolean,
): Promise<Change[]> {
  let left = [...changes];
  for (let whole = unmovable(left, canMove); whole !== undefined; whole = unmovable(left, canMove)) {
    const path = keyOf(whole.path);
    const others = left.filter((change) => !keyOf(change.path).startsWith(`${path}/`) && change !== whole);
    const { kind, type } = whole;
    left = [...others, { kind, path: whole.path, type, what: kind === 'added' ? [] : ['type'] }];
    for await (const entry of views.below(path))
      left.push({ kind: 'added', path: entry.path, type: entry.type, what: [] });
  }
  return left;
}
