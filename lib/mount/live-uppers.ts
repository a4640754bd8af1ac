// The directories of the overlays in this mount namespace's table, known by inode and device.

import { findSilent, isServed, OTHERS_PATIENCE, onServed } from '../diagnosis/silent-places.ts';
import type { OverlayDescription } from '../format/mountinfo.ts';
import { AT_FDCWD, AT_STATX_DONT_SYNC, O_DIRECTORY, O_PATH, STATX_INO } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type MountPlace, readMountinfoPlaces, readMountPlaces } from '../kernel/mount-places.ts';
import { listMountIds, type OverlayEntry, readOverlay, readOverlayTable } from '../kernel/mount-table.ts';
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

/** A directory that a live overlay reads. */
export interface LiveLower {
  readonly identity: Buffer;
  readonly path: Buffer;
  readonly overlay: OverlayEntry;
}

/** All of one overlay. */
interface LiveDirectories {
  readonly uppers: readonly LiveUpper[];
  readonly lowers: readonly LiveLower[];
  /** What its uppers lie in, 16 bytes each. */
  readonly above: Buffer;
}

const none = Buffer.alloc(0);
const NO_DIRECTORIES: LiveDirectories = { uppers: [], lowers: [], above: none };
const IDENTITY_SIZE = 16;
const SLASH = 0x2f;

/** Those of the paths, as latin1, where nobody answers, and which are left to the guard 'kernel'; what is not served is not asked. */
function* unanswered(paths: readonly Buffer[], { served, places }: MountTable): Routine<ReadonlySet<string>> {
  const named = paths.map((absolute) => ({ option: 'lower', absolute }));
  const suspects = onServed(named, served, places);
  const silent = suspects.length === 0 ? [] : yield* findSilent(suspects, places, OTHERS_PATIENCE);
  return new Set(silent.map(({ directory }) => Buffer.from(directory.absolute as Buffer).toString('latin1')));
}

// A relative path was relative to the mounter's directory, which nobody knows any more. A layer that is mounted nowhere is
// shown as `/`.
function pathsOf({ lower, data, upper, otherUpper, work, otherWork }: OverlayDescription): {
  readonly written: readonly (readonly ['upper' | 'work', Buffer])[];
  readonly read: readonly Buffer[];
} {
  const written = [
    ['upper', upper],
    ['upper', otherUpper],
    ['work', work],
    ['work', otherWork],
  ] as const;
  return {
    written: written.flatMap(([option, path]) => (path?.[0] === SLASH ? [[option, path] as const] : [])),
    read: [...lower, ...data].filter((path) => path[0] === SLASH && path.length > 1),
  };
}

// The directories that the table names, looked at now; what leads nowhere from here is left to the guard 'kernel'.
function* identify(entry: OverlayEntry, table: MountTable): Routine<LiveDirectories> {
  const { written, read } = pathsOf(entry.overlay);
  const silent = yield* unanswered([...written.map(([, path]) => path), ...read], table);
  const answers = (path: Buffer) => silent.size === 0 || !silent.has(path.toString('latin1'));
  const program = new Program();
  const identified = (path: Buffer) => {
    const mask = STATX_INO;
    return {
      path,
      step: program.add('statx', MAY_FAIL | WANT, AT_FDCWD, path, AT_STATX_DONT_SYNC, mask),
    };
  };
  const uppers = written
    .filter(([, path]) => answers(path))
    .map(([option, path]) => {
      const one = identified(path);
      const dir = program.add('openat', MAY_FAIL, AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
      return { ...one, option, chain: program.add('ancestors', MAY_FAIL | WANT, dir, none) };
    });
  const lowers = read.filter(answers).map(identified);
  if (program.steps > 0) yield* program.run();
  const seen = <T extends { readonly step: number }>(all: readonly T[]) =>
    all.flatMap((one) => {
      const statx = program.bytes(one.step);
      return statx === undefined ? [] : [{ ...one, identity: identityOf(statx), overlay: entry }];
    });
  const found = seen(uppers).map(({ chain, ...one }) => ({ ...one, above: program.bytes(chain) ?? none }));
  return {
    uppers: found,
    lowers: seen(lowers),
    above: Buffer.concat(found.map(({ above }) => above.subarray(IDENTITY_SIZE))),
  };
}

// Many lie in the same, and read the same.
function distinct(identities: Buffer): Buffer {
  const all = new Map<string, Buffer>();
  for (let at = 0; at < identities.length; at += IDENTITY_SIZE) {
    const identity = identities.subarray(at, at + IDENTITY_SIZE);
    all.set(identity.toString('latin1'), identity);
  }
  return Buffer.concat([...all.values()]);
}

interface Seen {
  readonly place: MountPlace | undefined;
  live: LiveDirectories;
}

/** All mounts, those mounted first in front, and those of them that another process or machine answers for. */
export interface MountTable {
  readonly places: readonly MountPlace[];
  readonly served: readonly MountPlace[];
}

function tableOf(places: readonly MountPlace[]): MountTable {
  return { places, served: places.filter(isServed) };
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
  /** The same of what an upper may not be: directories that an overlay of the table reads, or that its uppers lie in. */
  apart: Buffer = none;
  /** The same of mounts' roots above which their filesystem goes on in another mount. */
  partial: Buffer = none;
  /** What all this was read from. */
  table: MountTable = { places: [], served: [] };
  #seen = new Map<bigint, Seen>();

  /** Brings the knowledge up to the table of now. */
  *refresh(): Routine<void> {
    if (this.ids === undefined || !(yield* this.#readNew())) yield* this.#readAll();
    this.identities = Buffer.concat(this.uppers.map(({ identity }) => identity));
    const lowers = this.lowers.map(({ identity }) => identity);
    this.apart = distinct(Buffer.concat([...lowers, ...this.#live().map(({ above }) => above)]));
  }

  /** All, those mounted first in front. */
  get uppers(): readonly LiveUpper[] {
    return this.#live().flatMap(({ uppers }) => uppers);
  }

  get lowers(): readonly LiveLower[] {
    return this.#live().flatMap(({ lowers }) => lowers);
  }

  /** Who has the directory with this identity. */
  holderOf(identity: Uint8Array): LiveUpper | undefined {
    return this.uppers.find((upper) => upper.identity.equals(identity));
  }

  #live(): LiveDirectories[] {
    return [...this.#seen.values()].map(({ live }) => live);
  }

  // False on a kernel that lists no mounts, or gives no options for them.
  *#readNew(): Routine<boolean> {
    try {
      const ids = yield* listMountIds();
      const fresh = yield* readMountPlaces(ids.filter((id) => !this.#seen.has(id)));
      const found = new Map(fresh.map((place) => [place.id, place]));
      const seen = new Map<bigint, Seen>();
      for (const id of ids) {
        seen.set(id, this.#seen.get(id) ?? { place: found.get(id), live: NO_DIRECTORIES });
      }
      const changed = found.size > 0 || seen.size !== this.#seen.size;
      const table = changed ? tableOf([...seen.values()].flatMap(({ place }) => place ?? [])) : this.table;
      for (const { id, isOverlay } of fresh) {
        const entry = isOverlay ? yield* readOverlay(id) : undefined;
        if (entry !== undefined) seen.get(id)!.live = yield* identify(entry, table);
      }
      this.ids = Buffer.from(new BigUint64Array(ids).buffer);
      this.#seen = seen;
      this.table = table;
      if (changed) yield* this.#findPartial();
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  *#findPartial(): Routine<void> {
    const targets = partialMounts(this.table.places).map(({ target }) => target);
    const silent = yield* unanswered(targets, this.table);
    const program = new Program();
    const steps = targets
      .filter((target) => !silent.has(target.toString('latin1')))
      .map((target) =>
        program.add('statx', MAY_FAIL | WANT, AT_FDCWD, target, AT_STATX_DONT_SYNC, STATX_INO),
      );
    if (program.steps > 0) yield* program.run();
    const roots = steps.map((step) => program.bytes(step)).filter((statx) => statx !== undefined);
    this.partial = Buffer.concat(roots.map(identityOf));
  }

  *#readAll(): Routine<void> {
    this.ids = undefined;
    this.#seen = new Map();
    this.table = tableOf(yield* readMountinfoPlaces());
    for (const entry of yield* readOverlayTable()) {
      this.#seen.set(BigInt(entry.id), { place: undefined, live: yield* identify(entry, this.table) });
    }
    yield* this.#findPartial();
  }
}
