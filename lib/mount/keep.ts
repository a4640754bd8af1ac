// keep(): writes what a throw-away overlay has become into a directory that stays, whole or not at all.
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { CALLBACK, readOptions, SIGNAL } from '../format/given.ts';
import type { LayerSource, PathLike } from '../format/mount-spec.ts';
import { type Dialect, parseOverlayXattr, sinceNoteName } from '../format/overlay-xattr.ts';
import { call, close } from '../kernel/call.ts';
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, RENAME_NOREPLACE, STATX_INO } from '../kernel/constants.ts';
import { EDQUOT, EEXIST, EINVAL, ENOENT, ENOSPC, ENOSYS, EROFS } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { type Routine, runAsync } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { type CopyProgress, TreeCopy } from '../layer/copy-tree.ts';
import { type GivenEntry, readEntryPath } from '../layer/given-path.ts';
import { pathFailure } from '../layer/path-failure.ts';
import { openTreeRoot } from '../layer/tree-root.ts';
import { giveTo, takeOverIn } from './id-ranges.ts';
import { madeIn } from './made-in.ts';
import { makeOwnDirectory, type OwnDirectory, sweepOwnDirectories } from './own-directory.ts';

export interface KeepOptions {
  /**
   * `'tree'` (the default): a plain directory with all that the overlay shows. `'upper'`: the changes alone, as an upper
   * for the same lowers, with whiteouts and the overlay's attributes as this overlay has them (`user.overlay.*` without
   * root: mount it with `userxattr`).
   */
  readonly as?: 'tree' | 'upper';
  /**
   * `'kept'` (the default): each file belongs to whom it belonged, which only root can give. `'mine'`: all belongs to this
   * user, without set-id bits and `security.*` attributes.
   */
  readonly owners?: 'kept' | 'mine';
  /** Ends it, and removes what was written. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CopyProgress) => void;
}

/** What a directory is kept of. */
export interface KeepSource {
  /** The overlay's root. */
  readonly view: number;
  /** The upper directory. */
  readonly upper: number;
  readonly lowers: readonly LayerSource[];
  /** For people. */
  readonly shown: string;
  /** When it was begun, if that is known: see `since` of the layers. */
  readonly since: bigint | undefined;
  /** The attributes of its overlay. */
  readonly dialect: Dialect;
  /** Of the ids that may be given to files, where they are mapped. */
  readonly namespace: number | undefined;
}

const PREFIX = '.overlayfs-keep-';

// What is said of any place that is written to.
const OF_PLACE = [ENOSPC, EDQUOT, EROFS];

const CHECKS = {
  as: ['tree', 'upper'],
  owners: ['kept', 'mine'],
  signal: SIGNAL,
  onProgress: CALLBACK,
} as const;

function readKeepOptions(options: unknown): Required<Pick<KeepOptions, 'as' | 'owners'>> & KeepOptions {
  return { as: 'tree', owners: 'kept', ...readOptions<KeepOptions>(options, CHECKS) };
}

function exists({ shown: path }: GivenEntry): OverlayError {
  const sentence = `${path} exists, and what is kept replaces nothing`;
  const hint = 'name a directory that does not exist, or move that one away';
  return new OverlayError([{ code: 'ERR_OVERLAY_EXISTS', sentence, hint, path }]);
}

function* refuseExisting(parent: number, entry: GivenEntry): Routine<void> {
  try {
    yield* call('statx', parent, entry.name, AT_SYMLINK_NOFOLLOW, STATX_INO);
  } catch (error) {
    if (error instanceof KernelError && error.errno === -ENOENT) return;
    throw error;
  }
  throw exists(entry);
}

// It would be read while it is written, without an end.
function* refuseInside(parent: number, entry: GivenEntry, read: readonly LayerSource[]): Routine<void> {
  const above = yield* call('ancestors', parent, Buffer.alloc(0));
  for (const source of read) {
    const root = yield* openTreeRoot(source);
    const identity = yield* closingAfter(root.fd, call('statx', root.fd, '', AT_EMPTY_PATH, STATX_INO));
    const wanted = identityOf(identity);
    for (let at = 0; at < above.length; at += wanted.length) {
      if (!above.subarray(at, at + wanted.length).equals(wanted)) continue;
      const { shown: path } = entry;
      const sentence = `${path} lies in ${root.shown}, which is read to be written there`;
      const hint = 'name a place outside of the overlay and its lowers';
      throw new OverlayError([{ code: 'ERR_OVERLAY_KEPT_INSIDE', sentence, hint, path }]);
    }
  }
}

function* closingAfter<T>(fd: number, body: Routine<T>): Routine<T> {
  try {
    return yield* body;
  } finally {
    close(fd);
  }
}

/** Gives the directory its name, when nothing has it. */
function* giveName(parent: number, { name }: OwnDirectory, entry: GivenEntry): Routine<void> {
  try {
    yield* call('renameat2', parent, name, parent, entry.name, RENAME_NOREPLACE);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno === -EEXIST) throw exists(entry);
    // Some filesystems of the network know no flags.
    if (error.errno !== -EINVAL && error.errno !== -ENOSYS) throw error;
    yield* refuseExisting(parent, entry);
    yield* call('renameat2', parent, name, parent, entry.name, 0);
  }
}

// The copy is another filesystem in the driver's eyes.
const isIdentity = (name: string) => {
  const found = parseOverlayXattr(name);
  return found?.level === 0 && found.note === 'uuid';
};

async function fill(
  entry: GivenEntry,
  own: OwnDirectory,
  source: KeepSource,
  options: KeepOptions,
): Promise<void> {
  const { as, owners = 'kept', signal, onProgress } = options;
  const from = { fd: as === 'upper' ? source.upper : source.view, shown: source.shown };
  const to = { fd: own.fd, shown: entry.shown };
  const takes = (name: string) => as !== 'upper' || !isIdentity(name);
  const chown = source.namespace === undefined ? undefined : giveTo(source.namespace);
  await new TreeCopy(from, to, { takes, owners, chown, signal, onProgress }).all();
  if (as === 'upper') await runAsync(noteSince(own.fd, source));
  await runAsync(call('syncfs', own.fd));
}

// A filesystem without attributes takes no upper: whoever mounts it is told.
function* noteSince(upper: number, { since, dialect }: KeepSource): Routine<void> {
  if (since === undefined) return;
  const program = new Program();
  program.add('setxattr', MAY_FAIL, upper, sinceNoteName(dialect), Buffer.from(String(since)), 0);
  yield* program.run();
}

/** Lends the directory that a new entry is to be in. */
async function withParent<T>(entry: GivenEntry, use: (parent: number) => Promise<T>): Promise<T> {
  const parent = await runAsync(openTreeRoot(entry.parent.bytes));
  try {
    await runAsync(refuseExisting(parent.fd, entry));
    return await use(parent.fd);
  } catch (error) {
    throw error instanceof KernelError ? pathFailure(error, entry.shown) : error;
  } finally {
    close(parent.fd);
  }
}

async function makeOwn(parent: number, entry: GivenEntry): Promise<OwnDirectory> {
  const notWritable = () => ({
    code: 'ERR_OVERLAY_NOT_WRITABLE',
    sentence: `${entry.parent.shown}: this user may not write to it`,
    hint: 'name a place in a directory of your own',
    path: entry.parent.shown,
  });
  const place = { option: 'dir', path: entry.parent.shown, fd: parent } as const;
  return await runAsync(madeIn(place, makeOwnDirectory(parent, PREFIX, notWritable), OF_PLACE));
}

/**
 * Finds out by trying whether something can be kept there, before there is anything to keep.
 *
 * @throws {OverlayError} as {@link keep} would, as far as it does not depend on what is kept
 */
export async function tryKeeping(dir: PathLike): Promise<void> {
  const entry = readEntryPath(dir, 'dir');
  await withParent(entry, async (parent) => {
    const own = await makeOwn(parent, entry);
    close(own.fd);
    await runAsync(removeTree(parent, own.name));
  });
}

/** @throws {OverlayError} nothing is left then */
export async function keep(source: KeepSource, dir: PathLike, given: unknown): Promise<void> {
  const options = readKeepOptions(given);
  options.signal?.throwIfAborted();
  const entry = readEntryPath(dir, 'dir');
  await withParent(entry, async (parent) => {
    const { view, upper, lowers } = source;
    const read = options.as === 'upper' ? [{ fd: upper }] : [{ fd: view }, ...lowers];
    await runAsync(refuseInside(parent, entry, read));
    const takeOver = source.namespace === undefined ? undefined : takeOverIn(source.namespace);
    await runAsync(sweepOwnDirectories(parent, PREFIX, takeOver));
    const own = await makeOwn(parent, entry);
    let name: string | Buffer = own.name;
    try {
      await fill(entry, own, source, options);
      await runAsync(giveName(parent, own, entry));
      ({ name } = entry);
      await runAsync(call('syncfs', own.fd));
    } catch (error) {
      await runAsync(removeTree(parent, name, takeOver));
      throw error;
    } finally {
      close(own.fd);
    }
  });
}
