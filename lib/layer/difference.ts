// How an entry of the merged view differs from what was there before: by its metadata, and by its content where asked for.
import { OverlayError } from '../format/overlay-error.ts';
import type { Routine } from '../kernel/routine.ts';
import type { ChangedWhat } from './change.ts';
import { compareEntries } from './compare-entry.ts';
import { sameContent } from './content.ts';
import { findData } from './data-layers.ts';
import { contentOf, shownXattrs, topOf } from './merged-entry.ts';
import type { RealEntry } from './real-entry.ts';
import type { Rules } from './rules.ts';
import type { Resolution } from './search.ts';

export interface Difference {
  readonly what: readonly ChangedWhat[];
  /** The content is only taken for changed, or for unchanged. */
  readonly error: OverlayError | undefined;
}

function* contentPlace(rules: Rules, resolution: Resolution): Routine<RealEntry | undefined> {
  const { dataPath, upper, upperMetacopy } = resolution;
  const inUpper = upper !== undefined && !upperMetacopy;
  return dataPath === undefined || inUpper ? contentOf(resolution) : yield* findData(rules, dataPath);
}

function samePlace(a: RealEntry | undefined, b: RealEntry | undefined): boolean {
  return a !== undefined && a.layer === b?.layer && a.place === b.place;
}

/**
 * A copy-up takes the time of the last change with it, and so does what changes the metadata alone: size and mtime tell
 * whether the content changed, unless somebody set the time back. `exactly` reads what has the same size.
 */
function* contentDiffers(
  rules: Rules,
  before: Resolution,
  after: Resolution,
  exactly: boolean,
): Routine<boolean> {
  const [old, now] = [yield* contentPlace(rules, before), yield* contentPlace(rules, after)];
  // A metacopy has the content of what it was copied from.
  if (samePlace(old, now)) return false;
  const [a, b] = [topOf(before)!.stat, topOf(after)!.stat];
  const isLink = now !== undefined && (now.stat.mode & 0o170000) === 0o120000;
  if (!exactly && !isLink) return a.mtime !== b.mtime;
  // Without its data a file cannot be read in either view.
  if (old === undefined || now === undefined) return old !== now;
  return !(yield* sameContent(old, now));
}

/** Both show something. */
export function* difference(
  rules: Rules,
  before: Resolution,
  after: Resolution,
  exactly: boolean,
): Routine<Difference> {
  const [old, now] = [topOf(before)!, topOf(after)!];
  const { what: parts, contentUnknown } = compareEntries(
    { stat: old.stat, xattrs: shownXattrs(old) },
    { stat: now.stat, xattrs: shownXattrs(now) },
  );
  const error = now.problem ?? old.problem;
  if (!contentUnknown) return { what: parts, error };
  try {
    const differs = yield* contentDiffers(rules, before, after, exactly);
    return { what: differs ? ['content', ...parts] : parts, error };
  } catch (caught) {
    if (!(caught instanceof OverlayError)) throw caught;
    return { what: ['content', ...parts], error: caught };
  }
}
