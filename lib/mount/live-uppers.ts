// The directories of the overlays in this mount namespace's table, known by inode and device.

import { call } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH, STATX_INO } from '../kernel/constants.ts';
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

function* identityAt(path: Uint8Array): Routine<Buffer | undefined> {
  try {
    return identityOf(yield* call('statx', AT_FDCWD, path, 0, STATX_INO));
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

// The directories that the table names, looked at now; what leads nowhere from here is left to the guard 'kernel'.
function* identify(entry: OverlayEntry): Routine<LiveDirectories> {
  const { lower, data, upper, otherUpper, work, otherWork } = entry.overlay;
  const written = [
    ['upper', upper],
    ['upper', otherUpper],
    ['work', work],
    ['work', otherWork],
  ] as const;
  const program = new Program();
  const identified = (path: Buffer | undefined) => {
    // A relative path was relative to the mounter's directory, which nobody knows any more.
    if (path?.[0] !== SLASH) return [];
    return [{ path, step: program.add('statx', MAY_FAIL | WANT, AT_FDCWD, path, 0, STATX_INO) }];
  };
  const uppers = written.flatMap(([option, path]) =>
    identified(path).map((one) => {
      const dir = program.add('openat', MAY_FAIL, AT_FDCWD, one.path, O_PATH | O_DIRECTORY, 0);
      return { ...one, option, chain: program.add('ancestors', MAY_FAIL | WANT, dir, none) };
    }),
  );
  // A layer that is mounted nowhere is shown as `/`.
  const lowers = [...lower, ...data].flatMap((path) => (path.length === 1 ? [] : identified(path)));
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
  readonly live: LiveDirectories;
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
      const places = yield* readMountPlaces(ids.filter((id) => !this.#seen.has(id)));
      const found = new Map<bigint, Seen>();
      for (const place of places) {
        const entry = place.isOverlay ? yield* readOverlay(place.id) : undefined;
        found.set(place.id, { place, live: entry === undefined ? NO_DIRECTORIES : yield* identify(entry) });
      }
      const seen = new Map<bigint, Seen>();
      for (const id of ids)
        seen.set(id, this.#seen.get(id) ?? found.get(id) ?? { place: undefined, live: NO_DIRECTORIES });
      const changed = found.size > 0 || seen.size !== this.#seen.size;
      this.ids = Buffer.from(new BigUint64Array(ids).buffer);
      this.#seen = seen;
      if (changed) yield* this.#findPartial([...seen.values()].flatMap(({ place }) => place ?? []));
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  *#findPartial(places: readonly MountPlace[]): Routine<void> {
    const roots: Buffer[] = [];
    for (const { target } of partialMounts(places)) {
      const identity = yield* identityAt(target);
      if (identity !== undefined) roots.push(identity);
    }
    this.partial = Buffer.concat(roots);
  }

  *#readAll(): Routine<void> {
    this.ids = undefined;
    this.#seen = new Map();
    for (const entry of yield* readOverlayTable()) {
      this.#seen.set(BigInt(entry.id), { place: undefined, live: yield* identify(entry) });
    }
    yield* this.#findPartial(yield* readMountinfoPlaces());
  }
}
