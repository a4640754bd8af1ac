// One name in all layers, looked at in one job: a search that goes from layer to layer would wait for two in each.
import { ELOOP, ENOENT, ENOTDIR } from '../kernel/errno.ts';
import type { Routine } from '../kernel/routine.ts';
import { scanInEach } from '../kernel/scan-names.ts';
import type { ScannedEntry } from '../kernel/scanned-entry.ts';
import { INSIDE, type Layer, type RealDirectory } from './layer.ts';
import { ALL_XATTRS, type Found, found, given, type Look, lookAt } from './real-entry.ts';

// Longer ones are gone piece by piece (reach.ts).
const LONGEST = 4000;

interface Known {
  readonly place: string;
  readonly found: Found;
}

function knownOf(dir: RealDirectory, name: string, scanned: ScannedEntry | number): Known | undefined {
  if (typeof scanned !== 'number') return { place: dir.place, found: found(dir, name, scanned) };
  const isAbsent = [ENOENT, ENOTDIR, ELOOP].includes(-scanned);
  return isAbsent ? { place: dir.place, found: undefined } : undefined;
}

/** A look at `name` in these directories, one of a layer, that waits for nothing more; anything else it looks at by itself. */
export function* lookAhead(dirs: readonly RealDirectory[], name: string): Routine<Look> {
  const short = dirs.filter(({ place }) => place.length < LONGEST);
  const places = short.map(({ layer, place }) => ({
    root: layer.fd,
    path: Buffer.from(place === '' ? '.' : place, 'latin1'),
  }));
  const scanned = yield* scanInEach(places, INSIDE, Buffer.from(name, 'latin1'), ALL_XATTRS);
  const known = new Map<Layer, Known>();
  for (const [i, dir] of short.entries()) {
    const one = scanned && knownOf(dir, name, scanned[i]!);
    if (one !== undefined) known.set(dir.layer, one);
  }
  return function* (dir, wanted) {
    const one = wanted === name ? known.get(dir.layer) : undefined;
    return one?.place === dir.place ? given(one.found) : yield* lookAt(dir, wanted);
  };
}
