// What openStack is given, checked and with its layers opened.
import { checkOptions } from '../format/check-options.ts';
import { copyOf, fieldOf, readFields, textOf, wrongType } from '../format/given.ts';
import { MOUNT_FIELDS } from '../format/mount-fields.ts';
import type { AnyOverlayOptions, LayerSource } from '../format/mount-spec.ts';
import { optionError } from '../format/option-error.ts';
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { reach } from '../kernel/reach.ts';
import type { Routine } from '../kernel/routine.ts';
import { type EntryStat, scanEntry } from '../kernel/scan-directory.ts';
import { dialectFor } from './caller-dialect.ts';
import { type GivenPath, readPath } from './given-path.ts';
import { type Layer, type LayerName, layerText } from './layer.ts';
import { rootFailure } from './path-failure.ts';
import { requireProc } from './require-proc.ts';
import type { Rules } from './rules.ts';

/** The layers of a stack. A MountSpec fits; what only a mount needs is ignored. */
export interface StackSpec {
  /** Top first, as the kernel counts. */
  readonly lower: LayerSource | readonly LayerSource[];
  /** Layers that give only the data of metacopy files and show no names. */
  readonly data?: readonly LayerSource[];
  readonly upper?: LayerSource;
  readonly options?: StackOptions;
  /**
   * When the upper was begun, in nanoseconds since 1970, by the clock of the lower's filesystem: what was changed in the
   * lower later is a conflict for `apply`. `layers` of a throw-away overlay has it, and an upper that `keep` has written says
   * it itself. Absent: only what was changed after its copy was made is found.
   */
  readonly since?: bigint;
}

/** The options of the mount that change what it shows; of others nothing is asked. */
export interface StackOptions {
  /**
   * Which attributes are the overlay's: `user.overlay.*` or `trusted.overlay.*`; exactly one counts. Absent: the trusted
   * ones where this process can see them (CAP_SYS_ADMIN in the initial user namespace), the others elsewhere.
   */
  readonly userxattr?: boolean;
  /** `'nofollow'`: renamed directories are errors. Absent: followed, unless userxattr is on, under which the kernel never does. */
  readonly redirectDir?: 'on' | 'off' | 'follow' | 'nofollow';
  /** `false`: files with metadata alone are errors. Absent: followed, unless userxattr is on. */
  readonly metacopy?: boolean;
}

interface OpenedStack {
  readonly rules: Rules;
  /** Top first: the upper, the lowers, the data layers. */
  readonly layers: readonly Layer[];
}

function fail(finding: Finding, cause?: unknown): never {
  throw new OverlayError([finding], cause);
}

function* openRoot(source: LayerSource, name: LayerName): Routine<number> {
  const index: { index?: number } = name.kind === 'upper' ? {} : { index: name.index };
  const place = { option: name.kind, ...index };
  if (
    typeof source === 'object' &&
    source !== null &&
    !(source instanceof Uint8Array) &&
    !(source instanceof URL)
  ) {
    const fd = fieldOf(source, 'fd', name.kind);
    if (fd === undefined) {
      const expected = 'a path (string, Buffer or file: URL) or an object with fd';
      return wrongType(name.kind, expected, source, index.index);
    }
    if (typeof fd !== 'number' || !Number.isInteger(fd) || fd < 0 || fd >= 2 ** 30) {
      fail({
        code: 'ERR_OVERLAY_INVALID_DESCRIPTOR',
        sentence: `${layerText(name)}: fd is ${textOf(fd)}, which is no descriptor`,
        hint: 'pass an open fs.FileHandle, or { fd } of a directory that is open',
        ...place,
      });
    }
    return yield* openDirectory(fd, '.', name, place, `descriptor ${fd}`);
  }
  const { bytes, shown: path } = readLayerPath(source, place);
  return yield* openDirectory(AT_FDCWD, bytes, name, { ...place, path }, JSON.stringify(path));
}

function readLayerPath(source: unknown, place: Pick<Finding, 'option' | 'index'>): GivenPath {
  try {
    return readPath(source, place.option);
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    return fail({ ...error.findings[0]!, ...place }, error.cause);
  }
}

function* openDirectory(
  dir: number,
  path: string | Buffer,
  name: LayerName,
  place: Pick<Finding, 'option' | 'index' | 'path'>,
  text: string,
): Routine<number> {
  try {
    return yield* reach(dir, Buffer.from(path as Uint8Array), 0, (at, rest) =>
      call('openat', at, rest, O_PATH | O_DIRECTORY, 0),
    );
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const [finding] = rootFailure(error, `${layerText(name)} (${text})`, place.path === undefined).findings;
    return fail({ ...finding!, ...place }, error);
  }
}

/**
 * The overlay sees a layer without what is mounted in it. A copy of the mount does so too; without the right to make one
 * the mounts stay, and are told of where they are met.
 */
function* withoutMounts(fd: number): Routine<number> {
  try {
    const copy = yield* call('open_tree', fd, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    close(fd);
    return copy;
  } catch (error) {
    if (error instanceof KernelError) return fd;
    throw error;
  }
}

const identity = ({ devMajor, devMinor, ino }: EntryStat) => `${devMajor}:${devMinor}:${ino}`;

const FIELDS = [
  ...new Set([
    ...['lower', 'data', 'upper', 'options', 'since'],
    ...MOUNT_FIELDS,
    // Of an entry of list(), and of what parseOptions() gives.
    ...['id', 'parentId', 'readOnly', 'root', 'unknown', 'remount', 'ignored'],
  ]),
];

/** A copy of what openStack and planApply are given. @throws {OverlayError} those of wrong arguments */
export function readStackSpec(spec: unknown): StackSpec {
  const fields = readFields(spec, 'spec', FIELDS);
  const { lower, data, upper } = fields as { [K in 'lower' | 'data' | 'upper']?: LayerSource };
  const options = copyOf(fields.options, 'options');
  const { since } = fields;
  if (since !== undefined && typeof since !== 'bigint') wrongType('since', 'nanoseconds as a bigint', since);
  return {
    lower: listOf(lower),
    ...(data !== undefined && { data: listOf(data) }),
    ...(upper !== undefined && { upper }),
    ...(options !== undefined && { options: options as StackOptions }),
    ...(since !== undefined && { since: since as bigint }),
  };
}

const listOf = (sources: unknown): readonly LayerSource[] =>
  sources === undefined ? [] : Array.isArray(sources) ? sources : [sources as LayerSource];

function checkedSources({ lower, data = [], upper, options = {} }: StackSpec): [LayerSource, LayerName][] {
  const lowers = lower as readonly LayerSource[];
  if (lowers.length === 0) {
    fail({
      code: 'ERR_OVERLAY_NO_LOWER',
      sentence: 'a stack without a lower layer',
      hint: 'name at least one directory as lower',
      option: 'lower',
    });
  }
  const problem = checkOptions(options as AnyOverlayOptions, { upper: true, data: data.length > 0 });
  if (problem !== undefined) throw optionError(problem);
  return [
    ...(upper === undefined ? [] : [[upper, { kind: 'upper', index: 0 }] as [LayerSource, LayerName]]),
    ...lowers.map((source, index): [LayerSource, LayerName] => [source, { kind: 'lower', index }]),
    ...data.map((source, index): [LayerSource, LayerName] => [source, { kind: 'data', index }]),
  ];
}

/** Opens all layers of a spec that has been read, or none. Throws OverlayError. */
export function* openLayers(spec: StackSpec): Routine<OpenedStack> {
  requireProc();
  const sources = checkedSources(spec);
  const { options = {} } = spec;
  const dialect = yield* dialectFor(options.userxattr);
  const layers: Layer[] = [];
  const roots = new Set<string>();
  try {
    for (const [source, name] of sources) {
      const fd = yield* withoutMounts(yield* openRoot(source, name));
      const number = layers.length + (spec.upper === undefined ? 1 : 0);
      layers.push({ name, number, fd, mountId: 0n, dialect });
      const { stat } = yield* scanEntry(fd, '', { xattrs: [] });
      layers[layers.length - 1] = { name, number, fd, mountId: stat!.mountId, dialect };
      roots.add(identity(stat!));
    }
  } catch (error) {
    for (const { fd } of layers) close(fd);
    throw error;
  }
  const directory = (layer: Layer) => ({ layer, place: '' });
  const of = (kind: LayerName['kind']) => layers.filter(({ name }) => name.kind === kind);
  const user = dialect === 'user';
  return {
    layers,
    rules: {
      root: { path: '', upper: of('upper').map(directory)[0], lowers: of('lower').map(directory) },
      data: of('data'),
      dialect,
      follow: !user && options.redirectDir !== 'nofollow',
      metacopy: options.metacopy ?? !user,
      isLayerRoot: (stat) => roots.has(identity(stat)),
    },
  };
}
