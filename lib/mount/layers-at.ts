// layersAt(): which mounted overlay a path lies in, and where in it: what openStack() needs to read it layer by layer.
import { explainDirectory } from '../diagnosis/directory.ts';
import { OverlayError, shown } from '../diagnosis/overlay-error.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { asLatin1, latin1ToPath } from '../format/path-bytes.ts';
import { call, close } from '../kernel/call.ts';
import { AT_EMPTY_PATH, AT_FDCWD, O_NOFOLLOW, O_PATH, procPath, STATX_MNT_ID } from '../kernel/constants.ts';
import { ENOENT, ENOTDIR } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
import { type ListedPath, listRoutine, type OverlayMount } from './list.ts';
import { refuse, wrongType } from './refuse.ts';
import { withRelativeLayers } from './relative-layers.ts';
import { readTarget, type Target } from './spec-paths.ts';

/** A place in a mounted overlay. */
export interface PlaceInOverlay {
  /** The overlay; openStack() takes it as it is. */
  readonly mount: OverlayMount;
  /** From the root of the overlay, without a slash before it; `.` for the root itself. */
  readonly path: ListedPath;
}

/** What exists of a path, opened, and the names below that do not. One character a byte. */
interface Reached {
  readonly fd: number;
  readonly missing: string;
}

function* open(path: string): Routine<number | undefined> {
  try {
    return yield* call('openat', AT_FDCWD, latin1ToPath(path), O_PATH | O_NOFOLLOW, 0);
  } catch (error) {
    if (error instanceof KernelError && [-ENOENT, -ENOTDIR].includes(error.errno)) return undefined;
    throw error;
  }
}

// What was deleted in the overlay has a place in it too, and is most often asked for.
function* reach(absolute: string): Routine<Reached> {
  let missing = '';
  for (let path = absolute.replace(/\/+$/, ''); path !== ''; ) {
    const fd = yield* open(path);
    if (fd !== undefined) return { fd, missing };
    const slash = path.lastIndexOf('/');
    missing = `${path.slice(slash)}${missing}`;
    path = path.slice(0, slash).replace(/\/+$/, '');
  }
  return { fd: (yield* open('/'))!, missing };
}

// Bytes of the mount table and of links, below the mount point.
function below(path: string, top: string): string {
  return top === '/' ? path : path.slice(top.length);
}

const latin1 = (path: ListedPath) => asLatin1(Buffer.from(path as Uint8Array));

function* placeOf(target: Target): Routine<PlaceInOverlay> {
  const { fd, missing } = yield* reach(asLatin1(Buffer.from(target.absolute as Uint8Array)));
  try {
    const { mountId } = decodeStat(yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_MNT_ID));
    const listed = (yield* listRoutine()).find(({ id }) => BigInt(id) === mountId);
    if (listed === undefined) return notInOverlay(target);
    const mount = yield* withRelativeLayers(listed);
    requireKnown(mount, target);
    const real = asLatin1(yield* call('readlinkat', AT_FDCWD, procPath(fd)));
    const path = `${latin1(mount.root)}/${below(real, latin1(mount.target))}${missing}`;
    return { mount, path: latin1ToPath(path.split('/').filter(Boolean).join('/') || '.') };
  } finally {
    close(fd);
  }
}

function notInOverlay(target: Target): never {
  const path = JSON.stringify(shown(target.path));
  return refuse(
    'ERR_OVERLAY_NOT_IN_OVERLAY',
    target,
    `target (${path}) lies in no overlay that is mounted in this mount namespace`,
    'list() names those that are; for layers that are not mounted use openStack()',
  );
}

function requireKnown({ unknown, target: point }: OverlayMount, target: Target): void {
  const layer = unknown.find(({ option }) => option !== 'work');
  if (layer === undefined) return;
  const { option, index, reason } = layer;
  const which = index === undefined ? option : `${option} ${index}`;
  const where = JSON.stringify(shown(point));
  refuse(
    'ERR_OVERLAY_LAYER_UNKNOWN',
    target,
    `the mount table does not lead to ${which} of the overlay at ${where} (it shows ${JSON.stringify(layer.shown)}): ${reason}`,
    'name the layers yourself, to openStack()',
  );
}

function* layersAtRoutine(path: unknown): Routine<PlaceInOverlay> {
  const target = readTarget(path) ?? wrongType('target', 'a path (string, Buffer or file: URL)', path);
  try {
    return yield* placeOf(target);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const finding = yield* explainDirectory(target, target.absolute);
    throw finding === undefined ? error : new OverlayError([finding], error);
  }
}

/**
 * Which mounted overlay a path lies in, and where: `openStack(mount)` then reads its layers. The path itself need not
 * exist, as what was deleted does not; a symbolic link at its end is not followed. Layers that were mounted by relative
 * paths are looked for from the current directory and those above the mount point, and taken when the overlay's root
 * proves them. Source: statx(2), statmount(2).
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_IN_OVERLAY, ERR_OVERLAY_LAYER_UNKNOWN where the mount table does not tell the layers
 */
export async function layersAt(path: PathLike): Promise<PlaceInOverlay> {
  return await runAsync(layersAtRoutine(path));
}

/** {@link layersAt} without a promise. */
export function layersAtSync(path: PathLike): PlaceInOverlay {
  return runSync(layersAtRoutine(path));
}
