// What is looked at to explain an error that a program met inside a live overlay: the path in every layer, and the caller.
import type { AnyOverlayOptions, MountAttributes } from '../format/mount-spec.ts';
import { close } from '../kernel/call.ts';
import { EIO, ELOOP, ETXTBSY } from '../kernel/errno.ts';
import { type Caller, readCaller } from '../kernel/features/caller.ts';
import { readIfPossible } from '../kernel/files.ts';
import type { Routine } from '../kernel/routine.ts';
import { lookAtDirectories } from './directory-facts.ts';
import { indexedInode } from './index-facts.ts';
import { type Entry, entriesIn, lookAtEntries, namesBelow, namesOf, placeOfNames } from './layer-entries.ts';
import { type Located, locate } from './locate.ts';
import { type Looked, readMounts } from './mount-facts.ts';
import { type Runner, runnersOf } from './program-runners.ts';
import { stuckLink } from './stuck-link.ts';
import type { Directory } from './subject.ts';

/** What the error says by itself. */
export interface RunTimeFailure {
  /** Positive. */
  readonly errno: number;
  readonly syscall: string | undefined;
  /** Absolute; absent when the error names none (a failed write). */
  readonly path: Buffer | undefined;
  readonly dest: Buffer | undefined;
}

/** A live overlay, in the words of this floor. */
export interface LiveOverlay {
  readonly root: Directory;
  /** The directory of the overlay that `root` shows: not empty for a bind mount of a part. */
  readonly within?: Buffer;
  readonly lower: readonly Directory[];
  readonly data: readonly Directory[];
  readonly upper: Directory | undefined;
  readonly work: Directory | undefined;
  readonly options: AnyOverlayOptions;
  readonly attributes: MountAttributes;
  /** The filesystem is read-only, whatever the attributes say. */
  readonly readOnly: boolean;
  /** Made in a user namespace: with the ids of this user alone, or with those of his ranges too. */
  readonly rootless?: 'own' | 'ranges';
  /** The upper is in memory, for this overlay alone. */
  readonly inMemory?: boolean;
}

/** What a layer has at the place of the failure. */
export interface LayerEntry {
  readonly layer: Directory;
  readonly entry: Entry;
}

export interface RunTimeFacts {
  readonly failure: RunTimeFailure;
  readonly overlay: LiveOverlay | undefined;
  /** What the path itself leads to, the last link not followed; undefined when the kernel does not give it. */
  readonly itself: Entry | undefined;
  /** Where it lies in the overlay; undefined when it does not. */
  readonly place: Buffer | undefined;
  /** `path` and `dest` lie on two mounts. */
  readonly acrossMounts: boolean;
  /** The upper's entry, and that of each lower and data layer that has one, top first. */
  readonly inUpper: LayerEntry | undefined;
  readonly inLowers: readonly LayerEntry[];
  /** The directory that holds it, in each layer that has it. */
  readonly parents: readonly LayerEntry[];
  /** The nearest directory above it that the upper has, into which the ones between are copied up. */
  readonly nearest: LayerEntry | undefined;
  /** For ELOOP: the link of the path, up to its name, that the kernel does not follow to an end. */
  readonly loop: Buffer | undefined;
  /** The upper or work directory that the merged path runs into, and the lower in which it lies. */
  readonly trap: { readonly layer: Directory; readonly inside: Directory } | undefined;
  /** It, or the directory that holds it, in the upper, when the index has another directory of the upper in its place. */
  readonly copied: Entry | undefined;
  readonly upper: Looked | undefined;
  readonly work: Looked | undefined;
  readonly lowers: readonly Looked[];
  /** Processes that run it as a program. */
  readonly runners: readonly Runner[];
  readonly caller: Caller & { readonly capMknod: boolean | undefined };
  /** What ids that a user namespace does not map are shown as. */
  readonly overflow: { readonly uid: number; readonly gid: number };
  /** Parameters of the overlay module, as /sys shows them: the defaults of options that no mount names. */
  readonly module: {
    readonly redirectDir: boolean;
    readonly metacopy: boolean;
    readonly redirectMax: number;
  };
}

function* numberIn(path: string, otherwise: number): Routine<number> {
  const text = (yield* readIfPossible(path))?.toString().trim();
  return text === undefined || !/^\d+$/.test(text) ? otherwise : Number(text);
}

function* moduleDefaults(): Routine<RunTimeFacts['module']> {
  const directory = '/sys/module/overlay/parameters';
  const on = (text: Buffer | undefined) => text?.toString().trim() === 'Y';
  return {
    redirectDir: on(yield* readIfPossible(`${directory}/redirect_dir`)),
    metacopy: on(yield* readIfPossible(`${directory}/metacopy`)),
    redirectMax: yield* numberIn(`${directory}/redirect_max`, 256),
  };
}

const CAP_MKNOD = 27n;

function* readCapable(): Routine<RunTimeFacts['caller']> {
  const status = (yield* readIfPossible('/proc/self/status'))?.toString();
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  const capMknod =
    effective === undefined ? undefined : ((BigInt(`0x${effective}`) >> CAP_MKNOD) & 1n) === 1n;
  return { ...(yield* readCaller()), capMknod };
}

interface InLayers extends Pick<RunTimeFacts, 'inUpper' | 'inLowers' | 'parents' | 'nearest' | 'trap'> {}

const NOWHERE: InLayers = {
  inUpper: undefined,
  inLowers: [],
  parents: [],
  nearest: undefined,
  trap: undefined,
};

function* lookInLayers(
  overlay: LiveOverlay | undefined,
  place: Buffer | undefined,
  traps: readonly Looked[],
): Routine<InLayers> {
  if (overlay === undefined || place === undefined) return NOWHERE;
  const dialect = overlay.options.userxattr ? 'user' : 'trusted';
  let names = namesOf(place);
  const found: { layer: Directory; entries: (Entry | undefined)[] }[] = [];
  let trap: RunTimeFacts['trap'];
  for (const layer of [overlay.upper, ...overlay.lower, ...overlay.data]) {
    if (layer === undefined) continue;
    // Itself first, then the directories above it, up to the root of the layer.
    const here = names;
    const places = here.map((_, i) => placeOfNames(here.slice(0, here.length - i)));
    const entries = yield* entriesIn(layer, [...places, Buffer.alloc(0)], dialect);
    found.push({ layer, entries });
    names = namesBelow(here, entries.slice(0, -1).toReversed());
    if (layer === overlay.upper) continue;
    const inside = traps.find(
      (directory) =>
        'identity' in directory && entries.some((entry) => entry?.identity.equals(directory.identity)),
    );
    if (inside !== undefined) trap ??= { layer, inside: inside.subject };
  }
  const at = (depth: number) =>
    found.flatMap(({ layer, entries }): LayerEntry[] => {
      const entry = entries[depth];
      return entry === undefined ? [] : [{ layer, entry }];
    });
  const here = at(0);
  const own = found.find(({ layer }) => layer === overlay.upper);
  const above = own?.entries.slice(1).find((entry) => entry !== undefined);
  const nearest = own === undefined || above === undefined ? undefined : { layer: own.layer, entry: above };
  return {
    inUpper: here.find(({ layer }) => layer === overlay.upper),
    inLowers: here.filter(({ layer }) => layer !== overlay.upper),
    parents: at(1),
    nearest,
    trap,
  };
}

function* copiedIn(overlay: LiveOverlay | undefined, found: InLayers): Routine<Entry | undefined> {
  if (overlay?.work === undefined) return undefined;
  const above = found.parents.find(({ layer }) => layer === overlay.upper);
  for (const { entry } of [found.inUpper, above].filter((one) => one !== undefined)) {
    if (!entry.stat.isDirectory || entry.notes.origin === undefined) continue;
    const dialect = overlay.options.userxattr ? 'user' : 'trusted';
    const inode = yield* indexedInode(overlay.work, entry.notes.origin, dialect);
    if (inode !== undefined && inode !== entry.stat.inode) return entry;
  }
  return undefined;
}

/** Looks once at everything; what cannot be looked at is missing from the facts. */
export function* lookAtFailure(
  failure: RunTimeFailure,
  overlay: LiveOverlay | undefined,
): Routine<RunTimeFacts> {
  const mounts = yield* readMounts();
  const directories = [overlay?.upper, overlay?.work, ...(overlay?.lower ?? [])];
  const there = directories.filter((directory) => directory !== undefined);
  const looked = yield* lookAtDirectories(there, mounts);
  const factsOf = (directory: Directory | undefined) =>
    directory && looked.find(({ subject }) => subject === directory);
  const [upper, work] = [factsOf(overlay?.upper), factsOf(overlay?.work)];
  const path = failure.path && (yield* locate(failure.path, overlay?.root, failure.syscall));
  const dest = failure.dest && (yield* locate(failure.dest, overlay?.root, failure.syscall));
  const located: Located | undefined = path?.place === undefined && dest?.place !== undefined ? dest : path;
  const place =
    located?.place &&
    placeOfNames([...namesOf(overlay?.within ?? Buffer.alloc(0)), ...namesOf(located.place)]);
  try {
    const fd = path?.itself ?? -1;
    const [itself] = yield* lookAtEntries([fd], overlay?.options.userxattr ? 'user' : 'trusted');
    const traps = [upper, work].filter((directory) => directory !== undefined);
    const inLayers = yield* lookInLayers(overlay, place, traps);
    return {
      failure,
      overlay,
      itself,
      place,
      acrossMounts: path !== undefined && dest !== undefined && path.mountId !== dest.mountId,
      ...inLayers,
      loop: failure.errno === ELOOP ? yield* stuckLink(failure.path ?? Buffer.alloc(0)) : undefined,
      copied: failure.errno === EIO ? yield* copiedIn(overlay, inLayers) : undefined,
      upper,
      work,
      lowers: (overlay?.lower ?? []).map((directory) => factsOf(directory)!),
      runners: failure.errno === ETXTBSY && itself ? yield* runnersOf(itself.identity) : [],
      caller: yield* readCapable(),
      overflow: {
        uid: yield* numberIn('/proc/sys/kernel/overflowuid', 65534),
        gid: yield* numberIn('/proc/sys/kernel/overflowgid', 65534),
      },
      module: yield* moduleDefaults(),
    };
  } finally {
    for (const { itself } of [path, dest].filter((one) => one !== undefined)) {
      if (itself !== undefined) close(itself);
    }
  }
}
