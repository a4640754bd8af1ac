// Paths in the merged view: taken apart as bytes, and looked up name by name, no link followed.
import type { PathLike } from '../format/mount-spec.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { asLatin1 } from '../format/path-bytes.ts';
import type { Routine } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import { unreadable } from './finding.ts';
import { readPath } from './given-path.ts';
import type { RealDirectory } from './layer.ts';
import { lookAhead } from './look-ahead.ts';
import { directoryOf } from './merged-entry.ts';
import { ALL_XATTRS, type Look, type RealEntry, realEntry } from './real-entry.ts';
import type { MergedDirectory, Rules } from './rules.ts';
import { type Resolution, Search } from './search.ts';

/**
 * The names of a path, one character a byte. It begins at the root of the overlay, with a slash or without; `..` takes a
 * name back, and nothing at the root.
 *
 * @throws {OverlayError} as `readPath`
 */
export function namesOf(path: PathLike): string[] {
  if (path === '') return [];
  const names: string[] = [];
  for (const name of asLatin1(readPath(path).bytes).split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}

/** What a path stands for. */
export interface Found {
  /** One character a byte. */
  readonly path: string;
  /** Shows nothing, when the merged view has nothing there. */
  readonly resolution: Resolution;
  /** Undefined unless it is a directory that can be entered. */
  readonly dir: MergedDirectory | undefined;
}

const NOTHING: Resolution = {
  name: '',
  upper: undefined,
  lowers: [],
  isDirectory: false,
  merged: false,
  redirect: undefined,
  dataPath: undefined,
  upperMetacopy: false,
  whiteout: undefined,
  problem: undefined,
};

// What may not be searched can still be looked at by its descriptor: what is in it is unreadable then, and not all.
function* rootEntry(root: RealDirectory, look: Look): Routine<RealEntry | undefined> {
  try {
    return yield* look(root, '');
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    const { layer, place } = root;
    return realEntry(layer, place, yield* scanEntry(layer.fd, '', ALL_XATTRS));
  }
}

/** The root is merged of all roots, whatever they say of being opaque. A mount of one lower needs another, empty one. */
export function* findRoot({ root, data }: Rules): Routine<Found> {
  const roots = [...(root.upper === undefined ? [] : [root.upper]), ...root.lowers];
  const look = yield* lookAhead(roots, '');
  const entries: RealEntry[] = [];
  for (const { layer, place } of roots) {
    const entry = yield* rootEntry({ layer, place }, look);
    if (entry === undefined) throw unreadable({ layer, place }, new Error('it is not there'));
    entries.push({ ...entry, place });
  }
  const upper = root.upper && entries[0];
  const lowers = upper === undefined ? entries : entries.slice(1);
  const merged = upper !== undefined || lowers.length > 1 || data.length === 0;
  return { path: '', resolution: { ...NOTHING, upper, lowers, isDirectory: true, merged }, dir: root };
}

/**
 * The last of the names, in what the others lead to. An error on the way is the error of the path.
 *
 * @param parent of the names before it
 */
export function* findIn(rules: Rules, parent: Found, names: readonly string[]): Routine<Found> {
  const path = names.join('/');
  if (parent.resolution.problem !== undefined) return { path, resolution: parent.resolution, dir: undefined };
  if (parent.dir === undefined) return { path, resolution: NOTHING, dir: undefined };
  const name = names.at(-1)!;
  const { upper, lowers } = parent.dir;
  const look = yield* lookAhead(upper === undefined ? lowers : [upper, ...lowers], name);
  const resolution = yield* new Search(rules, name, look).resolve(parent.dir);
  const enters = resolution.isDirectory && resolution.problem === undefined;
  return { path, resolution, dir: enters ? directoryOf(parent.dir, resolution) : undefined };
}
