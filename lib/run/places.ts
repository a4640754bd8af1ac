// Which directories of the command's file tree are views, which mounts it sees as they are, and which read-only.
import { readdirSync } from 'node:fs';
import { explaining } from '../diagnosis/explaining.ts';
import { encodeMountinfoOctal } from '../format/escape.ts';
import { type MountinfoEntry, parseMountinfo } from '../format/mountinfo.ts';
import { shown } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_PATH,
  STATX_MNT_ID,
  STATX_TYPE,
} from '../kernel/constants.ts';
import { readFiles } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { pathOf } from '../kernel/path-of.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
import { refuse } from '../mount/refuse.ts';
import type { Target } from '../mount/spec-paths.ts';

/** A mount that the command sees at its place. */
export interface Mounted {
  readonly path: Buffer;
  readonly readOnly: boolean;
}

export interface Places {
  /** The root of all paths that changes are told with. */
  readonly root: Buffer;
  /** Directories to be covered, those that others lie in first. The first of them has to be, when `whole` is not asked for. */
  readonly covered: readonly Buffer[];
  /** Those of them that are mounts. */
  readonly mounts: readonly Buffer[];
  /** Mounts that lie in what is covered. */
  readonly carried: readonly Mounted[];
  /** What all this was read from. */
  readonly table: Buffer;
}

/** Filesystems that are a face of the kernel: what is written there is no file. */
const FACES: ReadonlySet<string> = new Set([
  'autofs',
  'binfmt_misc',
  'bpf',
  'cgroup',
  'cgroup2',
  'configfs',
  'debugfs',
  'devpts',
  'devtmpfs',
  'efivarfs',
  'fusectl',
  'mqueue',
  'nsfs',
  'proc',
  'pstore',
  'rpc_pipefs',
  'securityfs',
  'selinuxfs',
  'sysfs',
  'tracefs',
]);

const ROOT = Buffer.from('/');

/** Whether `path` lies in `dir`, or is it. */
export function isWithin(path: Buffer, dir: Buffer): boolean {
  if (dir.equals(ROOT) || path.equals(dir)) return true;
  return path.length > dir.length && path[dir.length] === 0x2f && path.subarray(0, dir.length).equals(dir);
}

/** Through no link, however it was given. @throws {OverlayError} when it is no directory that this user can enter */
function* realPath(target: Target): Routine<Buffer> {
  const fd = yield* explaining(target, call('openat', AT_FDCWD, target.absolute, O_PATH | O_DIRECTORY, 0));
  try {
    const path = yield* explaining(target, pathOf(fd, target.absolute));
    if (path[0] === 0x2f && !path.toString('latin1').endsWith(' (deleted)')) return path;
    const sentence = `${target.option} (${JSON.stringify(shown(target.path))}) has no path that leads to it any more`;
    return refuse('ERR_OVERLAY_NOT_FOUND', target, sentence, 'name a directory that exists');
  } finally {
    close(fd);
  }
}

/** A mount whose root is what its path leads to: not hidden by another one. */
interface Visible extends MountinfoEntry {
  readonly isDirectory: boolean;
}

const LOOK = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;

function* visible(entry: MountinfoEntry): Routine<Visible | undefined> {
  try {
    // No filesystem is asked: one whose server has stopped would not answer.
    const stat = decodeStat(yield* call('statx', AT_FDCWD, entry.target, LOOK, STATX_MNT_ID | STATX_TYPE));
    return Number(stat.mountId) === entry.id ? { ...entry, isDirectory: stat.isDirectory } : undefined;
  } catch (error) {
    // Not to be looked at by this user, and so not to be written to.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

function* readTable(): Routine<Buffer> {
  const [text] = yield* readFiles(['/proc/self/mountinfo'], 2);
  return text ?? Buffer.alloc(0);
}

function* mountsIn(dir: Buffer, text: Buffer): Routine<Visible[]> {
  const found: Visible[] = [];
  // Most directories have nothing mounted in them: then no line need be read.
  if (!dir.equals(ROOT) && !text.includes(encodeMountinfoOctal(Buffer.concat([dir, ROOT])))) return found;
  for (const entry of parseMountinfo(text)) {
    if (!isWithin(entry.target, dir) || entry.target.equals(dir)) continue;
    const mount = yield* visible(entry);
    if (mount !== undefined) found.push(mount);
  }
  return found;
}

function isReadOnly({ attributes, superOptions }: MountinfoEntry): boolean {
  return attributes.readOnly === true || /^ro(,|$)/.test(superOptions.toString('latin1'));
}

/** By a program, which may have stopped: whoever asks it for anything may wait for ever. */
function isAnswered({ fsType }: MountinfoEntry): boolean {
  return fsType === 'fuse' || fsType.startsWith('fuse.');
}

/** The mounts in what is covered: those that hold files are covered too, each by itself. */
function sorted(root: Buffer, first: readonly Buffer[], mounts: readonly Visible[]): Omit<Places, 'table'> {
  const covered = [...first];
  const carried: Mounted[] = [];
  for (const mount of mounts) {
    const { target: path } = mount;
    // With all that is mounted in it.
    if (carried.some((above) => isWithin(path, above.path))) continue;
    if (FACES.has(mount.fsType)) carried.push({ path, readOnly: false });
    else if (!mount.isDirectory || isReadOnly(mount) || isAnswered(mount))
      carried.push({ path, readOnly: true });
    else covered.push(path);
  }
  return { root, covered, carried, mounts: mounts.map(({ target }) => target) };
}

/** For a view at one directory. @throws {OverlayError} ERR_OVERLAY_RUN_ROOT, ERR_OVERLAY_NOT_FOUND and the like */
export function* placesAt(at: Target): Routine<Places> {
  const root = yield* realPath(at);
  if (root.equals(ROOT)) {
    refuse(
      'ERR_OVERLAY_RUN_ROOT',
      at,
      'the root directory cannot be covered: the command would have to change its root, and see other mounts than there are',
      'cover every directory in it with `whole: true`, or name one as `at`',
    );
  }
  const table = yield* readTable();
  return { ...sorted(root, [root], yield* mountsIn(root, table)), table };
}

/** For views of all top-level directories that hold files which can be written to. */
export function* placesOfAll(): Routine<Places> {
  const table = yield* readTable();
  const mounts = yield* mountsIn(ROOT, table);
  const first = readdirSync(ROOT, { encoding: 'buffer', withFileTypes: true } as never) as unknown as {
    name: Buffer;
    isDirectory(): boolean;
  }[];
  const directories = first
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => Buffer.concat([ROOT, name]))
    .filter((path) => {
      const mount = mounts.find(({ target }) => target.equals(path));
      return mount === undefined || !(FACES.has(mount.fsType) || isReadOnly(mount));
    });
  const inside = mounts.filter(({ target }) =>
    directories.some((dir) => isWithin(target, dir) && !target.equals(dir)),
  );
  return { ...sorted(ROOT, directories, inside), mounts: mounts.map(({ target }) => target), table };
}
