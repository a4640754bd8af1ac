// Directories whose filesystem does not answer: a FUSE server that has stopped, a server of the network that is gone. Who
// looks at one waits for ever, so they are found out first, by a child that is left to itself when it takes too long.
import type { MountinfoEntry } from '../format/mountinfo.ts';
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import { call } from '../kernel/call.ts';
import { procPath } from '../kernel/constants.ts';
import type { Routine } from '../kernel/routine.ts';
import { mountOf } from './mount-of.ts';
import { type Finding, shown } from './overlay-error.ts';
import { type Directory, placeOf, subjectText } from './subject.ts';

/** A directory that did not answer. */
export interface SilentPlace {
  readonly directory: Directory;
  /** What is mounted there, as far as the path tells. */
  readonly mount: MountinfoEntry | undefined;
  /** False: nobody waited for it any more, after others of its mount, or too many, had not answered. */
  readonly asked: boolean;
}

/** How long a place may take, in milliseconds. */
export const PATIENCE = 500;
// Of all places together; those that are left then are not looked at.
const ALL_PATIENCE = 2000;

// Types whose answers come from another process or machine. Others wait for nothing but a disk.
const SERVED = /^(fuse|nfs|cifs|smb|9p|virtiofs|ceph|afs|coda|autofs|lustre|orangefs|ocfs2|gfs2)/;

const isServed = (mount: MountinfoEntry | undefined) => mount !== undefined && SERVED.test(mount.fsType);

const NUL = Buffer.alloc(1);

/** How many of the paths answer before one does not. */
function* howMany(paths: readonly Buffer[]): Routine<number> {
  const told = yield* call('list_in_time', Buffer.concat(paths.flatMap((path) => [path, NUL])), PATIENCE);
  let left = HOST_IS_LITTLE_ENDIAN ? told.readUInt32LE() : told.readUInt32BE();
  const answered = paths.findIndex((path) => {
    left -= path.length + 1;
    return left < 0;
  });
  return answered < 0 ? paths.length : answered;
}

interface Place {
  readonly directory: Directory;
  readonly path: Buffer;
  readonly mount: MountinfoEntry | undefined;
}

function placeAt(directory: Directory, mounts: readonly MountinfoEntry[]): Place {
  const { absolute, fd } = directory;
  const path = Buffer.from((absolute as Uint8Array) ?? procPath(fd!));
  return { directory, path, mount: absolute === undefined ? undefined : mountOf(path, mounts) };
}

/**
 * Those of the directories that do not answer. Takes a tenth of a millisecond where something is mounted that is served by
 * somebody, nothing elsewhere, and two seconds and a half at most.
 */
export function* findSilent(
  directories: readonly Directory[],
  mounts: readonly MountinfoEntry[],
): Routine<SilentPlace[]> {
  if (!mounts.some(isServed)) return [];
  const silent: SilentPlace[] = [];
  const start = performance.now();
  let places = directories.map((directory) => placeAt(directory, mounts));
  while (places.length > 0) {
    places = places.slice(yield* howMany(places.map(({ path }) => path)));
    const [stuck, ...later] = places;
    if (stuck === undefined) break;
    silent.push({ directory: stuck.directory, mount: stuck.mount, asked: true });
    const late = performance.now() - start > ALL_PATIENCE;
    const skipped = later.filter(({ mount }) => late || (isServed(mount) && mount === stuck.mount));
    silent.push(...skipped.map(({ directory, mount }) => ({ directory, mount, asked: false })));
    places = later.filter((place) => !skipped.includes(place));
  }
  return silent;
}

const where = ({ mount }: SilentPlace) =>
  mount === undefined || !isServed(mount)
    ? ''
    : ` (${mount.fsType} at ${JSON.stringify(shown(mount.target))})`;

function silence(place: SilentPlace): string {
  return place.asked
    ? `did not answer within ${PATIENCE} ms${where(place)}`
    : `was not waited for${where(place)}, since others had not answered`;
}

/** In words, for a list of what could not be looked at. */
export function silentText(place: SilentPlace): string {
  return `${subjectText(place.directory)}, which ${silence(place)}`;
}

export function silentFinding(place: SilentPlace): Finding {
  return {
    code: 'ERR_OVERLAY_NO_ANSWER',
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
