// What most entries of most layers stand for: themselves, which is seen without a search.
import { type RealEntry, whiteoutOf } from './real-entry.ts';
import type { Resolution } from './search.ts';

const NONE: readonly RealEntry[] = [];

/**
 * What an entry at the top stands for, when that takes no search: nothing lies below that counts, and it has no note.
 * Undefined for all else. Most entries of most layers are of this kind.
 */
export function plainly(
  name: string,
  entry: RealEntry,
  upper: boolean,
  alone: boolean,
): Resolution | undefined {
  if (entry.xattrs.size > 0 || entry.problem !== undefined || whiteoutOf(entry) !== undefined)
    return undefined;
  if (entry.stat.isDirectory && !alone) return undefined;
  return {
    name,
    upper: upper ? entry : undefined,
    lowers: upper ? NONE : [entry],
    isDirectory: entry.stat.isDirectory,
    merged: false,
    redirect: undefined,
    dataPath: undefined,
    upperMetacopy: false,
    whiteout: undefined,
    problem: undefined,
  };
}
