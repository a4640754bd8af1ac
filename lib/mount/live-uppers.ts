// The upper and work directories of the overlays in this mount namespace's table, known by inode and device.

import { call } from '../kernel/call.ts';
import { AT_FDCWD, STATX_INO } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import {
  listMountIds,
  type MountPlace,
  readMountinfoPlaces,
  readMountPlaces,
} from '../kernel/mount-places.ts';
import { type OverlayEntry, readOverlay, readOverlayTable } from '../kernel/mount-table.ts';
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

function* identityAt(path: Uint8Array): Routine<Buffer | undefined> {
  try {
    return identityOf(yield* call('statx', AT_FDCWD, path, 0, STATX_INO));
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

// The directories that the table names, looked at now; what leads nowhere from here is left to the guard 'kernel'.
function* identify(entry: OverlayEntry): Routine<LiveUpper[]> {
  const { upper, otherUpper, work, otherWork } = entry.overlay;
  const found: LiveUpper[] = [];
  for (const [option, path] of [
    ['upper', upper],
    ['upper', otherUpper],
    ['work', work],
    ['work', otherWork],
  ] as const) {
    // A relative path was relative to the mounter's directory, which nobody knows any more.
    if (path === undefined || path[0] !== 0x2f) continue;
    const identity = yield* identityAt(path);
    if (identity !== undefined) found.push({ identity, option, path, overlay: entry });
  }
  return found;
}

interface Seen {
  readonly place: MountPlace | undefined;
  readonly live: readonly LiveUpper[];
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
  /** The same of mounts' roots above which their filesystem goes on in another mount; as of the last {@link findPartial}. */
  partial: Buffer = none;
  #places: readonly MountPlace[] | undefined;
  #seen = new Map<bigint, Seen>();

  /** Brings the knowledge up to the table of now. */
  *refresh(): Routine<void> {
    if (this.ids === undefined || !(yield* this.#readNew())) yield* this.#readAll();
    this.identities = Buffer.concat(this.#live().map(({ identity }) => identity));
  }

  /** Brings `partial` up to the table that was read last: most mounts need none of it. */
  *findPartial(): Routine<void> {
    if (this.#places === undefined) return;
    const partial = partialMounts(this.#places);
    this.#places = undefined;
    const roots: Buffer[] = [];
    for (const { target } of partial) {
      const identity = yield* identityAt(target);
      if (identity !== undefined) roots.push(identity);
    }
    this.partial = Buffer.concat(roots);
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
      const places = yield* readMountPlaces(ids.filter((id) => !this.#seen.has(id)));
      const found = new Map<bigint, Seen>();
      for (const place of places) {
        const entry = place.isOverlay ? yield* readOverlay(place.id) : undefined;
        found.set(place.id, { place, live: entry === undefined ? [] : yield* identify(entry) });
      }
      const seen = new Map<bigint, Seen>();
      for (const id of ids)
        seen.set(id, this.#seen.get(id) ?? found.get(id) ?? { place: undefined, live: [] });
      const changed = found.size > 0 || seen.size !== this.#seen.size;
      this.ids = Buffer.from(new BigUint64Array(ids).buffer);
      this.#seen = seen;
      if (changed) this.#places = [...seen.values()].flatMap(({ place }) => place ?? []);
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  *#readAll(): Routine<void> {
    this.ids = undefined;
    this.#seen = new Map();
    for (const entry of yield* readOverlayTable()) {
      this.#seen.set(BigInt(entry.id), { place: undefined, live: yield* identify(entry) });
    }
    this.#places = yield* readMountinfoPlaces();
  }
}
