// Which changes are applied: those that the patterns mean, and those without which these make no sense.
import type { Change } from '../layer/change.ts';
import { keyOf } from './entry-key.ts';
import { Frames } from './frames.ts';
import { matcherOf } from './patterns.ts';
import { split } from './target.ts';

/** A change whose directory was not there, or not as that. */
export const makesAnew = ({ kind, from, what }: Change): boolean =>
  kind === 'added' || from !== undefined || what.includes('type');

/**
 * A directory that is made or renamed comes with what is applied in it, and a renaming takes the old name away: both are
 * added to what the patterns mean.
 */
export function selectChanges(changes: readonly Change[], patterns: readonly string[] | undefined): Change[] {
  if (patterns === undefined) return [...changes];
  const means = matcherOf(patterns);
  const byPath = new Map(changes.map((change) => [keyOf(change.path), change]));
  const frames = new Frames(changes);
  const gone = new Map(
    changes
      .filter(({ kind }) => kind === 'deleted')
      .map((change) => [frames.placeOf(keyOf(change.path)), change]),
  );
  const chosen = new Set<Change>();
  const choose = (change: Change): void => {
    if (chosen.has(change)) return;
    chosen.add(change);
    const deletion = change.from === undefined ? undefined : gone.get(keyOf(change.from));
    if (deletion !== undefined) choose(deletion);
    for (let at = split(keyOf(change.path)).parent; at !== ''; at = split(at).parent) {
      const above = byPath.get(at);
      if (above !== undefined && makesAnew(above)) choose(above);
    }
  };
  for (const change of changes) if (change.path !== '.' && means(change.path)) choose(change);
  if (patterns.some((pattern) => /^(?:\.?\/*|\*\*)$/.test(pattern))) {
    for (const change of changes) choose(change);
  }
  return changes.filter((change) => chosen.has(change));
}
