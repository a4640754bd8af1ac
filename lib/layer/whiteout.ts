// whiteout() makes "this name is deleted" in a layer, and isWhiteout() tells whether an entry says so.
import { FLAG, readOptions } from '../format/given.ts';
import { whiteoutForm } from '../format/marks.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import { O_CREAT, O_EXCL, O_NOFOLLOW, procPath, S_IFCHR } from '../kernel/constants.ts';
import { EEXIST, ENOENT, ENOTDIR, errnoName } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import { type DialectOptions, dialectFor } from './caller-dialect.ts';
import { type GivenEntry, readEntryPath } from './given-path.ts';
import {
  immutability,
  type LayerDirectory,
  markFailure,
  markName,
  withLayerDirectory,
} from './layer-directory.ts';
import { pathFailure } from './path-failure.ts';
import { removeEntry, replaceEntry, temporaryName } from './replace-entry.ts';
import { explainRefusedDevice } from './whiteout-refusal.ts';

export interface WhiteoutOptions extends DialectOptions {
  /**
   * `'device'` (default): a character device 0:0, understood by every kernel. `'xattr'`: an empty file with the attribute
   * `overlay.whiteout`, in a directory that is marked as having such (Linux 6.7); for layers that will be lowers. The
   * kernel makes none itself, and in an upper it hides the name and yet lists it.
   */
  readonly form?: 'device' | 'xattr';
}

const DIALECT = { userxattr: FLAG } as const;

// Has the entry made under a name of its own, and put in place; nothing stays when that fails.
function* place(
  directory: LayerDirectory,
  entry: GivenEntry,
  make: (name: Buffer) => Routine<void>,
): Routine<void> {
  const name = temporaryName();
  yield* make(name);
  try {
    yield* replaceEntry(directory.fd, name, entry);
  } catch (error) {
    if (!(error instanceof OverlayError && error.code === 'ERR_OVERLAY_REMAINS'))
      yield* call('unlinkat', directory.fd, name, 0);
    throw error;
  }
}

function* makeDevice(directory: LayerDirectory, name: Buffer): Routine<boolean> {
  try {
    yield* call('mknodat', directory.fd, name, S_IFCHR, 0);
    return true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno === -EEXIST) return false;
    throw yield* explainRefusedDevice(error, directory);
  }
}

function* deviceWhiteout(directory: LayerDirectory, entry: GivenEntry): Routine<void> {
  if (yield* makeDevice(directory, entry.name)) return;
  yield* place(directory, entry, function* (name) {
    yield* makeDevice(directory, name);
  });
}

function* makeMarkedFile({ fd, path, dialect }: LayerDirectory, name: Buffer): Routine<void> {
  const file = yield* call('openat', fd, name, O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
  try {
    // Whoever mounts the layer must be able to read the attribute, whatever the umask here.
    yield* call('fchmodat', file, procPath(file), 0o644);
    yield* call('setxattr', file, markName(dialect, 'whiteout'), Buffer.alloc(0), 0);
  } catch (error) {
    yield* call('unlinkat', fd, name, 0);
    throw error instanceof KernelError ? markFailure(error, path.shown, dialect) : error;
  } finally {
    close(file);
  }
}

// The kernel looks for such whiteouts only in directories that are marked; the mark alone changes nothing.
function* markedDirectory<T>(directory: LayerDirectory, use: () => Routine<T>): Routine<T> {
  const { fd, dialect, path, opaque, opaqueValue } = directory;
  if (opaque === 'whiteouts') return yield* use();
  const mark = markName(dialect, 'opaque');
  try {
    yield* call('setxattr', fd, mark, Buffer.from('x'), 0);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw (yield* immutability(directory)) ?? markFailure(error, path.shown, dialect);
  }
  try {
    return yield* use();
  } catch (error) {
    if (opaqueValue === undefined) yield* call('removexattr', fd, mark);
    else yield* call('setxattr', fd, mark, opaqueValue, 0);
    throw error;
  }
}

function* makeWhiteout(
  directory: LayerDirectory,
  entry: GivenEntry,
  form: 'device' | 'xattr',
): Routine<void> {
  // Nothing below shows through it, and a whiteout in it would be listed.
  if (directory.opaque === 'opaque') yield* removeEntry(directory.fd, entry);
  else if (form === 'device') yield* deviceWhiteout(directory, entry);
  else
    yield* markedDirectory(directory, () =>
      place(directory, entry, (name) => makeMarkedFile(directory, name)),
    );
}

function* whiteoutRoutine(path: unknown, options: unknown): Routine<void> {
  const entry = readEntryPath(path);
  const { form = 'device', userxattr } = readOptions<WhiteoutOptions>(options, {
    ...DIALECT,
    form: ['device', 'xattr'],
  });
  const dialect = yield* dialectFor(userxattr);
  yield* withLayerDirectory(entry.parent, dialect, true, function* (directory) {
    try {
      yield* makeWhiteout(directory, entry, form);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      throw (yield* immutability(directory)) ?? pathFailure(error, entry.shown);
    }
  });
}

/**
 * Makes "this name is deleted" in a layer: what lower layers have by this name is not seen. An entry that the layer has
 * there is replaced in one step, a directory with all in it. In an opaque directory, which hides all below already, the
 * name is just removed. Source: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 *
 * @throws {OverlayError} ERR_OVERLAY_WHITEOUT_REFUSED where no device 0:0 can be made, and why; ERR_OVERLAY_NOT_FOUND for
 *   the directory; ERR_OVERLAY_BUSY for a directory in which something is mounted; and others of docs/errors.md
 */
export async function whiteout(path: PathLike, options?: WhiteoutOptions): Promise<void> {
  await runAsync(whiteoutRoutine(path, options));
}

/** {@link whiteout} without a promise. */
export function whiteoutSync(path: PathLike, options?: WhiteoutOptions): void {
  runSync(whiteoutRoutine(path, options));
}

function* isWhiteoutRoutine(path: unknown, options: unknown): Routine<boolean> {
  const entry = readEntryPath(path);
  const dialect = yield* dialectFor(readOptions<DialectOptions>(options, DIALECT).userxattr);
  return yield* withLayerDirectory(entry.parent, dialect, true, function* ({ fd }) {
    const mark = markName(dialect, 'whiteout');
    const { stat, error, xattrs } = yield* scanEntry(fd, entry.name, { xattrs: [mark] });
    if (error?.errno === ENOENT || error?.errno === ENOTDIR) return false;
    if (error !== undefined) {
      const call = `${error.syscall}(${JSON.stringify(entry.shown)}): ${errnoName(error.errno)}`;
      throw pathFailure(new KernelError({ ...error, call, log: '', step: 0 }), entry.shown);
    }
    const rdev = { major: stat.rdevMajor, minor: stat.rdevMinor };
    return whiteoutForm({ mode: stat.mode, size: stat.size, rdev, marked: xattrs.has(mark) }) !== undefined;
  });
}

/**
 * Whether the entry says that its name is deleted, in either form, as a lookup in an overlay takes it. False when nothing
 * is there.
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_FOUND for the directory, ERR_OVERLAY_NO_ACCESS
 */
export function isWhiteout(path: PathLike, options?: DialectOptions): Promise<boolean> {
  return runAsync(isWhiteoutRoutine(path, options));
}

/** {@link isWhiteout} without a promise. */
export function isWhiteoutSync(path: PathLike, options?: DialectOptions): boolean {
  return runSync(isWhiteoutRoutine(path, options));
}
