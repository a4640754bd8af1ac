// Directories whose filesystem does not answer: a FUSE server that has stopped, a server of the network that is gone. Who
// looks at one waits for ever, so they are found out first, by a child that is left to itself when it takes too long.
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import { call, callSync } from '../kernel/call.ts';
import { procPath } from '../kernel/constants.ts';
import type { Routine } from '../kernel/routine.ts';
import { leadsTo, type MountedAt, mountOf } from './mount-of.ts';
import { type Finding, shown } from './overlay-error.ts';
import { type Directory, placeOf, subjectText } from './subject.ts';

/** A directory that did not answer. */
export interface SilentPlace {
  readonly directory: Directory;
  /** What is mounted there, as far as the path tells. */
  readonly mount: MountedAt | undefined;
  /** How long it was waited for, in milliseconds. */
  readonly patience: number;
  /** False: nobody waited for it any more, after others of its mount, or too many, had not answered. */
  readonly asked: boolean;
}

/** How long a place may take to answer a diagnosis, in milliseconds. */
export const PATIENCE = 500;
/** And a mount, which is worth some waiting for a server that is slow. */
export const MOUNT_PATIENCE = 3000;
/** And a directory of somebody else's overlay, which is of interest for guards alone. */
export const OTHERS_PATIENCE = 100;
// Of all places together, in units of that; those that are left then are not looked at.
const ALL_PATIENCE = 4;

// Types whose answers come from another process or machine. Others wait for nothing but a disk.
const SERVED = /^(fuse(?!ctl)|nfs|cifs|smb|9p|virtiofs|ceph|afs|coda|autofs|lustre|orangefs|ocfs2|gfs2)/;
// No other field of mountinfo(5) has a hyphen between blanks: blanks are escaped.
const OVERLAY_OR_SERVED = new RegExp(` - (overlay |${SERVED.source.slice(2)}`);

/** Whether an overlay, or what is served by somebody, is among the mounts of mountinfo. */
export function hasOverlayOrServed(mountinfo: Buffer): boolean {
  return OVERLAY_OR_SERVED.test(mountinfo.toString('latin1'));
}

/** Whether another process or machine answers for what is mounted there. */
export function isServed(mount: MountedAt | undefined): boolean {
  return mount !== undefined && SERVED.test(mount.fsType);
}

const NUL = Buffer.alloc(1);

const word = (bytes: Buffer) => (HOST_IS_LITTLE_ENDIAN ? bytes.readUInt32LE() : bytes.readUInt32BE());

/** How many of the paths answer before one does not. */
function* howMany(paths: readonly Buffer[], patience: number): Routine<number> {
  let left = word(yield* call('list_in_time', Buffer.concat(paths.flatMap((path) => [path, NUL])), patience));
  const answered = paths.findIndex((path) => {
    left -= path.length + 1;
    return left < 0;
  });
  return answered < 0 ? paths.length : answered;
}

const REAPING_MS = 1000;
let reaping: NodeJS.Timeout | undefined;

// A child that was left behind ends when its server answers, or is gone; until somebody asks for it, it is a zombie then.
function reapLater(): void {
  reaping ??= setInterval(() => {
    if (word(callSync('list_in_time', Buffer.alloc(0), 0)) > 0) return;
    clearInterval(reaping);
    reaping = undefined;
  }, REAPING_MS).unref();
}

interface Place {
  readonly directory: Directory;
  readonly path: Buffer;
  readonly mount: MountedAt | undefined;
}

function placeAt(directory: Directory, mounts: readonly MountedAt[]): Place {
  const { absolute, fd } = directory;
  const path = Buffer.from((absolute as Uint8Array) ?? procPath(fd!));
  return { directory, path, mount: absolute === undefined ? undefined : mountOf(path, mounts) };
}

/**
 * Those of the directories that do not answer. Takes a tenth of a millisecond where something is mounted that is served by
 * somebody, nothing elsewhere, and five times the patience at most.
 *
 * @param patience in milliseconds
 */
export function* findSilent(
  directories: readonly Directory[],
  mounts: readonly MountedAt[],
  patience: number = PATIENCE,
): Routine<SilentPlace[]> {
  if (!mounts.some(isServed)) return [];
  const silent: SilentPlace[] = [];
  const start = performance.now();
  let places = directories.map((directory) => placeAt(directory, mounts));
  while (places.length > 0) {
    places = places.slice(
      yield* howMany(
        places.map(({ path }) => path),
        patience,
      ),
    );
    const [stuck, ...later] = places;
    if (stuck === undefined) break;
    reapLater();
    silent.push({ directory: stuck.directory, mount: stuck.mount, patience, asked: true });
    const late = performance.now() - start > ALL_PATIENCE * patience;
    const skipped = later.filter(({ mount }) => late || (isServed(mount) && mount === stuck.mount));
    silent.push(...skipped.map(({ directory, mount }) => ({ directory, mount, patience, asked: false })));
    places = later.filter((place) => !skipped.includes(place));
  }
  return silent;
}

/**
 * Those of the directories whose paths lead to something served, by their text alone: what lies behind a symbolic link is
 * not seen. A directory that is given as a descriptor counts when anything is served.
 *
 * @param served those of the mounts that are, so that nothing is done where there are none
 */
export function onServed<T extends Directory>(
  directories: readonly T[],
  served: readonly MountedAt[],
  mounts: readonly MountedAt[],
): T[] {
  if (served.length === 0) return [];
  return directories.filter(({ absolute }) => {
    if (absolute === undefined) return true;
    const path = Buffer.from(absolute as Uint8Array);
    return served.some((mount) => leadsTo(path, mount)) && isServed(mountOf(path, mounts));
  });
}

/** {@link findSilent} of those {@link onServed}: nothing else is asked, and where nothing is served nothing is done. */
export function* findSilentServed(
  directories: readonly Directory[],
  served: readonly MountedAt[],
  mounts: readonly MountedAt[],
  patience: number,
): Routine<SilentPlace[]> {
  const suspects = onServed(directories, served, mounts);
  return suspects.length === 0 ? [] : yield* findSilent(suspects, mounts, patience);
}

const where = ({ mount }: SilentPlace) =>
  mount === undefined || !isServed(mount)
    ? ''
    : ` (${mount.fsType} at ${JSON.stringify(shown(mount.target))})`;

function silence(place: SilentPlace): string {
  return place.asked
    ? `did not answer within ${place.patience} ms${where(place)}`
    : `was not waited for${where(place)}, since others had not answered`;
}

/** In words, for a list of what could not be looked at. */
export function silentText(place: SilentPlace): string {
  return `${subjectText(place.directory)}, which ${silence(place)}`;
}

/** The code of what follows. */
export const NO_ANSWER = 'ERR_OVERLAY_NO_ANSWER';

export function silentFinding(place: SilentPlace): Finding {
  return {
    code: NO_ANSWER,
    sentence: `${subjectText(place.directory)} ${silence(place)}: nothing is known of it, and a mount of it would wait`,
    hint: 'see to the server of that filesystem, or end its mount (umount --lazy), and name another directory',
    ...placeOf(place.directory),
  };
}

/** Those that answer. */
export function answering<T extends Directory>(
  directories: readonly T[],
  silent: readonly SilentPlace[],
): T[] {
  return directories.filter((directory) => !silent.some((place) => place.directory === directory));
}
