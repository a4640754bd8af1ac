// What the directories of a mount are: looked at once, all together, in a few programs whatever their number.
import type { MountinfoEntry } from '../format/mountinfo.ts';
import { close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  procPath,
  ST_RDONLY,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  STATX_TYPE,
} from '../kernel/constants.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import {
  bornIn,
  decodeFileSystemStat,
  decodeStat,
  type FileSystemStat,
  identityOf,
  type Stat,
} from '../kernel/stat.ts';
import { addFlags, type DirectoryFlags, flagsIn } from './directory-flags.ts';
import type { Directory } from './subject.ts';

/** A directory that could be opened. */
export interface DirectoryFacts {
  readonly subject: Directory;
  readonly stat: Stat;
  /** Inode and device; two directories are the same when this is. */
  readonly identity: Buffer;
  readonly filesystem: FileSystemStat;
  /** The filesystem, or the mount that leads to it, is read-only. */
  readonly readOnly: boolean;
  /** Of upper and work: the errno (positive) with which it cannot be opened for reading, as the lock on it needs it. */
  readonly readErrno: number;
  /** Without symbolic links, as /proc/self/fd shows it. */
  readonly realPath: Buffer;
  /** Of the mount it is reached through; absent when that is in no mount table. */
  readonly mount: MountinfoEntry | undefined;
  /** Where it lies in its filesystem, whatever mount leads there; absent with `mount`. */
  readonly placeInFilesystem: Buffer | undefined;
  /**
   * The errno (positive) with which the kernel refuses to clone its mount, as it must for a layer; 0 when it does not, or
   * when nothing speaks for it: the mount is known, and no other lies below.
   */
  readonly cloneErrno: number;
  /** When it was made, in nanoseconds; 0 when the filesystem does not tell. */
  readonly born: bigint;
  readonly flags: DirectoryFlags;
}

/** A directory that could not be opened. */
export interface MissingDirectory {
  readonly subject: Directory;
  /** Positive. */
  readonly errno: number;
}

const SLASH = Buffer.from('/');

function join(root: Buffer, rest: Buffer): Buffer {
  return root.equals(SLASH) ? (rest.length === 0 ? root : rest) : Buffer.concat([root, rest]);
}

function placeIn(mount: MountinfoEntry | undefined, realPath: Buffer): Buffer | undefined {
  if (mount === undefined) return undefined;
  const { target, root } = mount;
  if (target.equals(SLASH)) return realPath.equals(SLASH) ? root : join(root, realPath);
  const below = realPath.subarray(0, target.length).equals(target);
  return below ? join(root, realPath.subarray(target.length)) : undefined;
}

/** Whether `inner` is `outer` or lies in it, in one filesystem; undefined when that cannot be told. */
export function liesIn(inner: DirectoryFacts, outer: DirectoryFacts): boolean | undefined {
  if (inner.identity.equals(outer.identity)) return true;
  const [a, b] = [inner.mount, outer.mount];
  if (a === undefined || b === undefined) return undefined;
  if (a.major !== b.major || a.minor !== b.minor) return false;
  const [place, above] = [inner.placeInFilesystem, outer.placeInFilesystem];
  if (place === undefined || above === undefined) return undefined;
  // Every pair of layers is compared: nothing is made for it.
  const { length } = above;
  if (length > 1 && place[length] !== SLASH[0]) return false;
  return place.length > length && above.compare(place, 0, length) === 0;
}

const WANTED = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;

/** Descriptors of them (O_PATH), for the caller to close, or -errno. */
export function* openAll(directories: readonly Directory[]): Routine<number[]> {
  const program = new Program();
  // First, so that the number of one that is closed is not that of something which is opened here.
  const given = directories.map(({ fd }) =>
    fd === undefined ? undefined : program.add('statx', MAY_FAIL, fd, '', AT_EMPTY_PATH, STATX_TYPE),
  );
  const steps = directories.map(({ absolute, fd }) =>
    program.add('openat', KEEP | MAY_FAIL, fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0),
  );
  yield* program.run();
  return steps.map((step, i) => {
    const fd = program.value(step);
    const checked = given[i] === undefined ? 0 : program.value(given[i]);
    if (checked < 0 && fd >= 0) close(fd);
    return checked < 0 ? checked : fd;
  });
}

/** Looks at the directories, in their order. `mounts`: the mount table, for finding the mount of each. */
export function* lookAtDirectories(
  directories: readonly Directory[],
  mounts: readonly MountinfoEntry[],
): Routine<(DirectoryFacts | MissingDirectory)[]> {
  const opened = yield* openAll(directories);
  try {
    const looked = yield* describeAll(directories, opened, mounts);
    return yield* tryClones(looked, opened, mounts);
  } finally {
    for (const fd of opened) if (fd >= 0) close(fd);
  }
}

const CLAIMED: readonly string[] = ['upper', 'work'];

function* describeAll(
  directories: readonly Directory[],
  opened: readonly number[],
  mounts: readonly MountinfoEntry[],
): Routine<(DirectoryFacts | MissingDirectory)[]> {
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  const program = new Program();
  const steps = opened.map((fd, i) => ({
    statx: program.add('statx', WANT | MAY_FAIL, fd, '', AT_EMPTY_PATH, WANTED),
    statfs: program.add('fstatfs', WANT | MAY_FAIL, fd),
    link: program.add('readlinkat', WANT | MAY_FAIL, AT_FDCWD, procPath(Math.max(fd, 0))),
    // By the link: the name "." would ask for the right to search it. No other directory is opened for reading.
    read: CLAIMED.includes(directories[i]!.option)
      ? program.add('openat', MAY_FAIL, AT_FDCWD, procPath(Math.max(fd, 0)), O_RDONLY | O_DIRECTORY, 0)
      : undefined,
    flags: addFlags(program, Math.max(fd, -1)),
  }));
  yield* program.run();
  return directories.map((subject, i) => {
    const fd = opened[i]!;
    if (fd < 0) return { subject, errno: -fd };
    const { statx, statfs, link, read } = steps[i]!;
    const [stat, fs, name] = [statx, statfs, link].map((step) => program.bytes(step));
    if (stat === undefined || fs === undefined)
      return { subject, errno: -program.value(stat ? statfs : statx) };
    const decoded = decodeStat(stat);
    const filesystem = decodeFileSystemStat(fs);
    const mount = byId.get(Number(decoded.mountId));
    // Without /proc nothing is known of where it lies; everything else is.
    const realPath = Buffer.from(name ?? '');
    return {
      subject,
      stat: decoded,
      identity: identityOf(stat),
      filesystem,
      readErrno: read === undefined ? 0 : Math.max(-program.value(read), 0),
      readOnly: (filesystem.flags & ST_RDONLY) !== 0,
      realPath,
      mount,
      placeInFilesystem: name === undefined ? undefined : placeIn(mount, realPath),
      cloneErrno: 0,
      born: bornIn(stat),
      flags: flagsIn(program, steps[i]!.flags),
    };
  });
}

function isSuspect(looked: DirectoryFacts, mounts: readonly MountinfoEntry[]): boolean {
  // The path of what is in no mount table is that in its own tree.
  if (looked.mount === undefined) return true;
  const { realPath } = looked;
  const prefix = realPath.equals(SLASH) ? realPath : Buffer.concat([realPath, SLASH]);
  return mounts.some(
    ({ target }) => target.length > prefix.length && target.subarray(0, prefix.length).equals(prefix),
  );
}

// Only for suspects: letting a clone go costs the kernel a grace period.
function* tryClones(
  all: readonly (DirectoryFacts | MissingDirectory)[],
  opened: readonly number[],
  mounts: readonly MountinfoEntry[],
): Routine<(DirectoryFacts | MissingDirectory)[]> {
  const program = new Program();
  const how = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  const steps = all.map((looked, i) =>
    'errno' in looked || !isSuspect(looked, mounts)
      ? undefined
      : program.add('open_tree', MAY_FAIL, opened[i]!, '', how),
  );
  if (program.steps > 0) yield* program.run();
  return all.map((looked, i) => {
    const step = steps[i];
    return step === undefined ? looked : { ...looked, cloneErrno: Math.max(0, -program.value(step)) };
  });
}
