// makeOpaque() has a directory of a layer hide all that lower layers have in it; isOpaque() tells whether it does.
import { FLAG, readOptions } from '../format/given.ts';
import { encodeOpaque, whiteoutForm } from '../format/marks.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { call } from '../kernel/call.ts';
import { RESOLVE_BENEATH } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { openScan, type ScannedEntry } from '../kernel/scan-directory.ts';
import { type DialectOptions, dialectFor } from './caller-dialect.ts';
import { readPath } from './given-path.ts';
import {
  immutability,
  type LayerDirectory,
  markFailure,
  markName,
  withLayerDirectory,
} from './layer-directory.ts';
import { pathFailure } from './path-failure.ts';

function withMarked<T>(
  path: unknown,
  options: unknown,
  use: (directory: LayerDirectory) => Routine<T>,
): Routine<T> {
  const given = readPath(path, 'dir');
  const { userxattr } = readOptions<DialectOptions>(options, { userxattr: FLAG });
  return (function* () {
    return yield* withLayerDirectory(given, yield* dialectFor(userxattr), false, use);
  })();
}

function isWhiteoutEntry({ stat, xattrs }: ScannedEntry, mark: string): boolean {
  if (stat === undefined) return false;
  const rdev = { major: stat.rdevMajor, minor: stat.rdevMinor };
  return whiteoutForm({ mode: stat.mode, size: stat.size, rdev, marked: xattrs.has(mark) }) !== undefined;
}

// They hide nothing any more, and the kernel lists them.
function* removeWhiteouts({ fd, dialect }: LayerDirectory): Routine<void> {
  const mark = markName(dialect, 'whiteout');
  const scan = yield* openScan(fd, '.', RESOLVE_BENEATH, { xattrs: [mark] });
  try {
    for (let more = yield* scan.next(); more.length > 0; more = yield* scan.next()) {
      for (const entry of more)
        if (isWhiteoutEntry(entry, mark)) yield* call('unlinkat', scan.fd, entry.name, 0);
    }
  } finally {
    scan.close();
  }
}

function* mark(directory: LayerDirectory): Routine<void> {
  const { fd, path, dialect } = directory;
  try {
    yield* call('setxattr', fd, markName(dialect, 'opaque'), encodeOpaque('opaque'), 0);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw (yield* immutability(directory)) ?? markFailure(error, path.shown, dialect);
  }
  try {
    yield* removeWhiteouts(directory);
  } catch (error) {
    throw error instanceof KernelError ? pathFailure(error, path.shown) : error;
  }
}

/**
 * Has a directory of a layer hide all that lower layers have in it. Whiteouts in the directory are removed: they mean
 * nothing then, and the kernel would list their names.
 * Source: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_DIRECTORY, also for a link to one; ERR_OVERLAY_NEEDS_TRUSTED; and others of
 *   docs/errors.md
 */
export async function makeOpaque(dir: PathLike, options?: DialectOptions): Promise<void> {
  await runAsync(withMarked(dir, options, mark));
}

/** {@link makeOpaque} without a promise. */
export function makeOpaqueSync(dir: PathLike, options?: DialectOptions): void {
  runSync(withMarked(dir, options, mark));
}

// biome-ignore lint/correctness/useYield: a routine, since it is used as one, that has nothing to wait for
function* isMarked({ opaque }: LayerDirectory): Routine<boolean> {
  return opaque === 'opaque';
}

/**
 * Whether the directory hides all that lower layers have in it. One that is marked as having whiteouts in the attribute
 * form does not.
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_FOUND, ERR_OVERLAY_NOT_DIRECTORY, ERR_OVERLAY_NO_ACCESS
 */
export async function isOpaque(dir: PathLike, options?: DialectOptions): Promise<boolean> {
  return await runAsync(withMarked(dir, options, isMarked));
}

/** {@link isOpaque} without a promise. */
export function isOpaqueSync(dir: PathLike, options?: DialectOptions): boolean {
  return runSync(withMarked(dir, options, isMarked));
}
