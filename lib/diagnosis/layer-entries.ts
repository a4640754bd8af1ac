// What one path is in each layer of a live overlay: looked at beneath the layer's root, no link followed, nothing opened.
import { close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_IFCHR,
  S_IFMT,
  STATX_BASIC_STATS,
  STATX_MNT_ID,
} from '../kernel/constants.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat, identityOf, type Stat, sizeIn } from '../kernel/stat.ts';
import type { Directory } from './subject.ts';

/** The overlay's notes on an entry that matter to failures; an empty note is there, an absent one is undefined. */
export interface Notes {
  readonly metacopy: Buffer | undefined;
  readonly redirect: Buffer | undefined;
  readonly origin: Buffer | undefined;
}

export interface Entry {
  readonly stat: Stat;
  readonly size: number;
  readonly identity: Buffer;
  readonly notes: Notes;
}

const NAMES = ['metacopy', 'redirect', 'origin'] as const;
// A layer is one mount: what is mounted in it is not part of the overlay.
const INSIDE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

/** Names and places are joined and split as bytes; the root of the overlay is empty. */
export function namesOf(place: Buffer): Buffer[] {
  const text = place.toString('latin1');
  return text
    .split('/')
    .filter((name) => name !== '')
    .map((name) => Buffer.from(name, 'latin1'));
}

export function placeOfNames(names: readonly Buffer[]): Buffer {
  return Buffer.from(names.map((name) => name.toString('latin1')).join('/'), 'latin1');
}

export function isWhiteout({ stat }: Entry): boolean {
  return (stat.mode & S_IFMT) === S_IFCHR && stat.rdev.major === 0 && stat.rdev.minor === 0;
}

/** Looks at descriptors; a descriptor that is negative gives undefined. */
export function* lookAtEntries(
  fds: readonly number[],
  dialect: 'trusted' | 'user',
): Routine<(Entry | undefined)[]> {
  const program = new Program();
  const steps = fds.map((fd) => ({
    statx: program.add('statx', WANT | MAY_FAIL, fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID),
    notes: NAMES.map((name) =>
      program.add('getxattr', WANT | MAY_FAIL, Math.max(fd, 0), `${dialect}.overlay.${name}`),
    ),
  }));
  yield* program.run();
  return steps.map(({ statx, notes }, i) => {
    const bytes = fds[i]! < 0 ? undefined : program.bytes(statx);
    if (bytes === undefined) return undefined;
    const [metacopy, redirect, origin] = notes.map((step) => program.bytes(step));
    return {
      stat: decodeStat(bytes),
      size: sizeIn(bytes),
      identity: identityOf(bytes),
      notes: { metacopy, redirect, origin },
    };
  });
}

/** The entries at these places of one layer; undefined for what is not there or cannot be reached. */
export function* entriesIn(
  layer: Directory,
  places: readonly Buffer[],
  dialect: 'trusted' | 'user',
): Routine<(Entry | undefined)[]> {
  const program = new Program();
  const root = program.add(
    'openat',
    KEEP | MAY_FAIL,
    layer.fd ?? AT_FDCWD,
    layer.absolute ?? '.',
    O_PATH | O_DIRECTORY,
    0,
  );
  yield* program.run();
  const dir = program.value(root);
  if (dir < 0) return places.map(() => undefined);
  const open: number[] = [dir];
  try {
    const walk = new Program();
    const steps = places.map((place) =>
      walk.add(
        'openat2',
        KEEP | MAY_FAIL,
        dir,
        place.length === 0 ? '.' : place,
        O_PATH | O_NOFOLLOW,
        0,
        INSIDE,
      ),
    );
    yield* walk.run();
    const fds = steps.map((step) => walk.value(step));
    open.push(...fds.filter((fd) => fd >= 0));
    return yield* lookAtEntries(fds, dialect);
  } finally {
    for (const fd of open) close(fd);
  }
}

/**
 * Where the layers below have what is here at `names`: the redirects on the way to it are followed.
 *
 * @param entries of this layer at each directory of the way, the outermost first, and at its end
 */
export function namesBelow(names: readonly Buffer[], entries: readonly (Entry | undefined)[]): Buffer[] {
  let found: Buffer[] = [];
  names.forEach((name, i) => {
    const redirect = entries[i]?.notes.redirect;
    if (redirect === undefined) found.push(name);
    else if (redirect[0] === 0x2f) found = namesOf(redirect);
    else found.push(redirect);
  });
  return found;
}
