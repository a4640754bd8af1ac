// The upper and work directories of the overlays in this mount namespace's table, known by inode and device.

import { answering, findSilent, isServed, onServed } from '../diagnosis/silent-places.ts';
import type { Directory } from '../diagnosis/subject.ts';
import { AT_FDCWD, AT_STATX_DONT_SYNC, STATX_INO } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import {
  listMountIds,
  type MountPlace,
  type OverlayEntry,
  readMountinfoPlaces,
  readMountPlaces,
  readOverlay,
  readOverlayTable,
} from '../kernel/mount-table.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { partialMounts } from './partial-mounts.ts';

/** A directory that a live overlay writes to. */
export interface LiveUpper {
  readonly identity: Buffer;
  readonly option: 'upper' | 'work';
  readonly path: Buffer;
  readonly overlay: OverlayEntry;
}

const none = Buffer.alloc(0);

// Of so many paths at a time.
const BATCH = 256;
// Whoever else's directory does not answer by then is left to the guard 'kernel', in milliseconds.
const PATIENCE = 100;

/** What the paths lead to, in their order; undefined for nothing, and where nobody answers. */
function* identitiesAt(paths: readonly Buffer[], table: MountTable): Routine<(Buffer | undefined)[]> {
  const directories = paths.map((absolute) => ({ option: 'upper', absolute }));
  const suspects = onServed(directories, table.served, table.places);
  const silent = suspects.length === 0 ? [] : yield* findSilent(suspects, table.places, PATIENCE);
  const asked = answering(directories, silent);
  const identities = new Map<Directory, Buffer | undefined>();
  for (let start = 0; start < asked.length; start += BATCH) {
    const batch = asked.slice(start, start + BATCH);
    const program = new Program();
    const steps = batch.map(({ absolute }) =>
      program.add('statx', WANT | MAY_FAIL, AT_FDCWD, absolute, AT_STATX_DONT_SYNC, STATX_INO),
    );
    yield* program.run();
    batch.forEach((directory, i) => {
      const statx = program.bytes(steps[i]!);
      identities.set(directory, statx && identityOf(statx));
    });
  }
  return directories.map((directory) => identities.get(directory));
}

// The directories that the table names, looked at now; what leads nowhere from here is left to the guard 'kernel'.
function* identify(entries: readonly OverlayEntry[], table: MountTable): Routine<LiveUpper[]> {
  const named = entries.flatMap((overlay) => {
    const { upper, otherUpper, work, otherWork } = overlay.overlay;
    const all = [
      ['upper', upper],
      ['upper', otherUpper],
      ['work', work],
      ['work', otherWork],
    ] as const;
    // A relative path was relative to the mounter's directory, which nobody knows any more.
    return all.flatMap(([option, path]) => (path?.[0] === 0x2f ? [{ option, path, overlay }] : []));
  });
  const identities = yield* identitiesAt(
    named.map(({ path }) => path),
    table,
  );
  return named.flatMap((upper, i) => {
    const identity = identities[i];
    return identity === undefined ? [] : [{ ...upper, identity }];
  });
}

interface Seen {
  readonly place: MountPlace | undefined;
  live: readonly LiveUpper[];
}

/** All mounts, those mounted first in front, and those of them that another process or machine answers for. */
export interface MountTable {
  readonly places: readonly MountPlace[];
  readonly served: readonly MountPlace[];
}

const NO_TABLE: MountTable = { places: [], served: [] };

function tableOf(places: readonly MountPlace[]): MountTable {
  return { places, served: places.filter(isServed) };
}

function* overlaysAmong(places: readonly MountPlace[]): Routine<OverlayEntry[]> {
  const entries: OverlayEntry[] = [];
  for (const { id, isOverlay } of places) {
    const entry = isOverlay ? yield* readOverlay(id) : undefined;
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/**
 * What the guard 'quick' knows. Mount ids are never used twice, so that a mount once looked at need not be looked at
 * again; where the kernel has no such ids the whole table is read for each mount.
 */
export class LiveUppers {
  /** All mounts looked at, ascending 64-bit ids as listmount(2) gives them; undefined on kernels without it. */
  ids: Buffer | undefined = none;
  /** 16 bytes a directory that an overlay of the table writes to, as `require_disjoint` compares them. */
  identities: Buffer = none;
  /** The same of mounts' roots above which their filesystem goes on in another mount. */
  partial: Buffer = none;
  /** What it was read from. */
  table: MountTable = NO_TABLE;
  #seen = new Map<bigint, Seen>();

  /** Brings the knowledge up to the table of now. */
  *refresh(): Routine<void> {
    if (this.ids === undefined || !(yield* this.#readNew())) yield* this.#readAll();
    this.identities = Buffer.concat(this.#live().map(({ identity }) => identity));
  }

  /** All, those mounted first in front. */
  get uppers(): readonly LiveUpper[] {
    return this.#live();
  }

  /** Who has the directory with this identity. */
  holderOf(identity: Uint8Array): LiveUpper | undefined {
    return this.#live().find((upper) => upper.identity.equals(identity));
  }

  #live(): LiveUpper[] {
    return [...this.#seen.values()].flatMap(({ live }) => live);
  }

  // False on a kernel that lists no mounts, or gives no options for them.
  *#readNew(): Routine<boolean> {
    try {
      const ids = yield* listMountIds();
      const fresh = yield* readMountPlaces(ids.filter((id) => !this.#seen.has(id)));
      const found = new Map(fresh.map((place) => [place.id, place]));
      const seen = new Map<bigint, Seen>();
      for (const id of ids) seen.set(id, this.#seen.get(id) ?? { place: found.get(id), live: [] });
      const changed = fresh.length > 0 || seen.size !== this.#seen.size;
      const table = changed ? tableOf([...seen.values()].flatMap(({ place }) => place ?? [])) : this.table;
      for (const upper of yield* identify(yield* overlaysAmong(fresh), table)) {
        const of = seen.get(upper.overlay.uniqueId!);
        if (of !== undefined) of.live = [...of.live, upper];
      }
      this.ids = Buffer.from(new BigUint64Array(ids).buffer);
      this.#seen = seen;
      if (changed) yield* this.#findPartial(table);
      this.table = table;
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  *#findPartial(table: MountTable): Routine<void> {
    const targets = partialMounts(table.places).map(({ target }) => target);
    const identities = yield* identitiesAt(targets, table);
    this.partial = Buffer.concat(identities.filter((identity) => identity !== undefined));
  }

  *#readAll(): Routine<void> {
    this.ids = undefined;
    this.#seen = new Map();
    this.table = tableOf(yield* readMountinfoPlaces());
    const live = yield* identify(yield* readOverlayTable(), this.table);
    for (const upper of live) {
      const id = BigInt(upper.overlay.id);
      this.#seen.set(id, { place: undefined, live: [...(this.#seen.get(id)?.live ?? []), upper] });
    }
    yield* this.#findPartial(this.table);
  }
}
