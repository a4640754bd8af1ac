// explainError(): what an error that node:fs threw inside an overlay means there, and what to do about it.
import { explainDirectory } from '../diagnosis/directory.ts';
import { openPlace } from '../diagnosis/locate.ts';
import { restorePath } from '../diagnosis/lossy-path.ts';
import { type Finding, OverlayError, shown } from '../diagnosis/overlay-error.ts';
import { type LiveOverlay, lookAtFailure, type RunTimeFacts } from '../diagnosis/run-time.ts';
import { applyRunTimeRules } from '../diagnosis/run-time-rules.ts';
import type { Directory } from '../diagnosis/subject.ts';
import { fieldOf, hasFields, textOf } from '../format/given.ts';
import type { LayerSource, PathLike } from '../format/mount-spec.ts';
import { close } from '../kernel/call.ts';
import { AT_FDCWD, O_PATH, procPath, ST_RDONLY } from '../kernel/constants.ts';
import { errnoName } from '../kernel/errno.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { decodeFileSystemStat } from '../kernel/stat.ts';
import { type Detached, detachedAt } from './forgotten.ts';
import { frozenSpec } from './given-spec.ts';
import { type ListedPath, listRoutine, type OverlayMount } from './list.ts';
import type { Overlay } from './overlay.ts';
import { wrongType } from './refuse.ts';
import type { Scratch } from './scratch-overlay.ts';
import { readLayer, readLayers, readTarget } from './spec-paths.ts';

type Where = Overlay | OverlayMount | PathLike;

const isPath = (where: unknown): where is PathLike =>
  typeof where === 'string' || where instanceof Uint8Array || where instanceof URL;
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isOverlay = (where: unknown): where is Overlay => hasFields(where, 'spec', 'attached', 'path');
const isListed = (where: unknown): where is OverlayMount =>
  hasFields(where, 'id', 'target', 'lower', 'attributes');

function directory(option: string, path: ListedPath, index?: number): Directory {
  return { option, path, absolute: path, ...(index === undefined ? {} : { index }) };
}

function ofListed(listed: OverlayMount, root?: Directory): LiveOverlay {
  const { target, lower, data, upper, work, options, attributes, readOnly } = listed;
  return {
    root: root ?? directory('target', target),
    within: Buffer.from(listed.root as Uint8Array),
    lower: lower.map((path, index) => directory('lower', path, index)),
    data: data.map((path, index) => directory('data', path, index)),
    upper: upper === undefined ? undefined : directory('upper', upper),
    work: work === undefined ? undefined : directory('work', work),
    options,
    attributes,
    readOnly,
  };
}

/** The mount through which a path is reached, its nearest directory that exists if it does not. */
function* mountIdOf(fd: number, path: string | Uint8Array): Routine<bigint | undefined> {
  for (let at = Buffer.from(path as Uint8Array); at.length > 0; at = at.subarray(0, at.lastIndexOf(0x2f))) {
    const opened = yield* openPlace(fd, at);
    if (opened === undefined) continue;
    close(opened.fd);
    return opened.mountId;
  }
  return undefined;
}

/** The upper of a throw-away overlay. */
interface OwnUpper {
  readonly upper: LayerSource | undefined;
  readonly inMemory: boolean;
}

function ownUpper(overlay: Overlay): OwnUpper | undefined {
  if (!('layers' in overlay)) return undefined;
  const { layers, inMemory } = overlay as Scratch;
  return { upper: layers.upper, inMemory };
}

function* ofOverlay(
  overlay: Pick<Overlay, 'spec' | 'path' | 'attached' | 'fd'>,
  own: OwnUpper | undefined,
): Routine<LiveOverlay> {
  const { spec, path } = overlay;
  // The descriptor of an attached one would keep others from unmounting it.
  const byPath = overlay.attached && !path.includes('\ufffd');
  const root: Directory = byPath ? directory('target', path) : { option: 'target', fd: overlay.fd };
  const id = yield* mountIdOf(root.fd ?? AT_FDCWD, byPath ? path : '.');
  const listed = (yield* listRoutine()).find((entry) => BigInt(entry.id) === id);
  if (listed !== undefined && listed.unknown.length === 0) return ofListed(listed, root);
  const program = new Program();
  const dir = program.add('openat', MAY_FAIL, root.fd ?? AT_FDCWD, byPath ? path : '.', O_PATH, 0);
  const statfs = program.add('fstatfs', WANT | MAY_FAIL, dir);
  yield* program.run();
  const bytes = program.bytes(statfs);
  const readOnly = bytes !== undefined && (decodeFileSystemStat(bytes).flags & ST_RDONLY) !== 0;
  const layer = (source: LayerSource | undefined, option: 'upper' | 'work') =>
    source === undefined ? undefined : readLayer(source, option);
  return {
    root,
    lower: readLayers(Array.isArray(spec.lower) ? spec.lower : [spec.lower], 'lower'),
    data: readLayers(spec.data, 'data'),
    upper: layer(spec.upper ?? own?.upper, 'upper'),
    work: layer(spec.work, 'work'),
    options: spec.options ?? {},
    attributes: listed?.attributes ?? spec.attributes ?? {},
    readOnly: listed?.readOnly ?? (readOnly && spec.attributes?.readOnly !== true),
    ...(spec.rootless && { rootless: spec.rootless === 'ranges' ? 'ranges' : 'own' }),
    inMemory: own?.inMemory === true,
  };
}

function* ofDetached({ given, work, fds: [root, upper] }: Detached): Routine<LiveOverlay> {
  const fd = root!;
  const own = given.upper === undefined && upper !== undefined;
  return yield* ofOverlay(
    { spec: frozenSpec(given, work), path: procPath(fd), attached: false, fd },
    own ? { upper: { fd: upper }, inMemory: work === undefined } : undefined,
  );
}

/** By a path in the overlay, or in one of its layers: an error may have come from there. */
function* ofPath(path: PathLike): Routine<LiveOverlay | undefined> {
  const target = readTarget(path)!;
  const detached = detachedAt(shown(target.absolute));
  if (detached !== undefined) return yield* ofDetached(detached);
  const id = yield* mountIdOf(AT_FDCWD, target.absolute);
  const all = yield* listRoutine();
  const through = all.find((entry) => BigInt(entry.id) === id);
  if (through !== undefined) return ofListed(through);
  const given = Buffer.concat([Buffer.from(target.absolute as Uint8Array), Buffer.from('/')]);
  const holds = (layer: ListedPath | undefined) =>
    layer !== undefined &&
    given.indexOf(Buffer.concat([Buffer.from(layer as Uint8Array), Buffer.from('/')])) === 0;
  const over = all.findLast(({ upper, lower, data }) => [upper, ...lower, ...data].some(holds));
  return over === undefined ? undefined : ofListed(over);
}

function* overlayOf(where: unknown): Routine<LiveOverlay | undefined> {
  if (isPath(where)) return yield* ofPath(where);
  if (isOverlay(where)) return yield* ofOverlay(where, ownUpper(where));
  if (isListed(where)) return ofListed(where);
  return wrongType('overlay', 'an Overlay, an entry of list(), or a path', where);
}

interface SystemError {
  readonly errno: number;
  readonly syscall?: unknown;
  readonly path?: unknown;
  readonly dest?: unknown;
}

const isSystemError = (error: unknown): error is SystemError =>
  isObject(error) && typeof fieldOf(error, 'errno', 'error') === 'number';

function pathIn(path: unknown): Buffer | undefined {
  if ((typeof path !== 'string' && !(path instanceof Uint8Array)) || path.length === 0) return undefined;
  const bytes = Buffer.from(path as Uint8Array);
  if (bytes[0] === 0x2f) return bytes;
  try {
    return Buffer.concat([Buffer.from(`${process.cwd()}/`), bytes]);
  } catch {
    return undefined; // the current directory is gone
  }
}

/** What was looked at, for an error that no rule explains. */
function lookedAt(facts: RunTimeFacts): string {
  const { overlay, place, itself, inUpper, inLowers, upper } = facts;
  if (overlay === undefined) return 'no overlay of this mount namespace has this path, nor a layer of one';
  const layers = [inUpper, ...inLowers]
    .filter((found) => found !== undefined)
    .map(({ layer }) => layer.option);
  const room =
    upper !== undefined && 'filesystem' in upper
      ? `the upper's filesystem has ${upper.filesystem.available * upper.filesystem.blockSize} bytes and ${upper.filesystem.filesFree} inodes free`
      : undefined;
  return [
    place === undefined
      ? 'the path is not in the overlay'
      : `the path is in the overlay, ${itself === undefined ? 'and cannot be looked at there' : 'and is there'}`,
    place === undefined ? undefined : `layers that have it: ${layers.join(', ') || 'none'}`,
    overlay.readOnly || overlay.attributes.readOnly
      ? 'the overlay is read-only'
      : 'the overlay can be written',
    room,
  ]
    .filter((part) => part !== undefined)
    .join('; ');
}

function unexplained(error: unknown, sentence: string, hint: string, path?: string): Finding {
  return {
    code: 'ERR_OVERLAY_UNEXPLAINED',
    sentence: `${textOf(error)}: ${sentence}`,
    hint,
    ...(path === undefined ? {} : { path }),
  };
}

// A path of the error that cannot be reached at all has a cause of its own: a directory of it that is missing or closed.
function* findingsOf(error: SystemError, facts: RunTimeFacts): Routine<[Finding, ...Finding[]]> {
  const [first, ...rest] = applyRunTimeRules(facts);
  if (first !== undefined) return [first, ...rest];
  const { failure, overlay } = facts;
  const path = failure.path && shown(failure.path);
  const root = overlay?.root;
  const missing = root?.absolute === undefined ? undefined : yield* explainDirectory(root, root.absolute);
  if (missing !== undefined) return [missing];
  return [
    unexplained(
      error,
      `nothing that was looked at is the cause of ${errnoName(failure.errno)} (${lookedAt(facts)})`,
      "see the call's manual page for what the error can mean, and dmesg as root for the driver's words",
      path,
    ),
  ];
}

function* explainRoutine(error: unknown, where: unknown): Routine<OverlayError> {
  if (error instanceof OverlayError) return error;
  if (!isSystemError(error)) {
    const hint = 'pass what node:fs threw: it has errno, syscall and path';
    return new OverlayError([unexplained(error, 'this is no error of a system call', hint)], error);
  }
  const overlay = yield* overlayOf(where);
  const [path, dest] = [pathIn(error.path), pathIn(error.dest)];
  const facts = yield* lookAtFailure(
    {
      errno: Math.abs(error.errno),
      syscall: typeof error.syscall === 'string' ? error.syscall : undefined,
      path: path && (yield* restorePath(path)),
      dest: dest && (yield* restorePath(dest)),
    },
    overlay,
  );
  return new OverlayError(yield* findingsOf(error, facts), error);
}

/**
 * Says what an error that node:fs threw inside an overlay means there: EXDEV of a directory that a lower has, EROFS, EIO of
 * a metacopy, and so on. The error is the `cause`; without a confirmed one the code is ERR_OVERLAY_UNEXPLAINED, and the
 * message says what was looked at. Changes nothing.
 *
 * @param overlay the overlay, an entry of list(), or a path in it or in one of its layers
 */
export async function explainError(error: unknown, overlay: Where): Promise<OverlayError> {
  return await runAsync(explainRoutine(error, overlay));
}

/** {@link explainError} without a promise. */
export function explainErrorSync(error: unknown, overlay: Where): OverlayError {
  return runSync(explainRoutine(error, overlay));
}
