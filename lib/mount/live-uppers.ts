// The upper and work directories of the overlays in this mount namespace's table, known by inode and device.

import { call } from '../kernel/call.ts';
import { AT_FDCWD, STATX_INO } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { listMountIds, type OverlayEntry, readOverlays, readOverlayTable } from '../kernel/mount-table.ts';
import type { Routine } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';

/** A directory that a live overlay writes to. */
export interface LiveUpper {
  readonly identity: Buffer;
  readonly option: 'upper' | 'work';
  readonly path: Buffer;
  readonly overlay: OverlayEntry;
}

const none = Buffer.alloc(0);

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
    try {
      const statx = yield* call('statx', AT_FDCWD, path, 0, STATX_INO);
      found.push({ identity: identityOf(statx), option, path, overlay: entry });
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }
  return found;
}

/**
 * What the guard 'quick' knows. Mount ids are never used twice, so that a mount once looked at need not be looked at
 * again; where the kernel has no such ids the whole table is read for each mount.
 */
export class LiveUppers {
  /** All mounts looked at, ascending 64-bit ids as listmount(2) gives them; undefined on kernels without it. */
  ids: Buffer | undefined = none;
  /** 16 bytes a directory, as `require_other_file` compares them. */
  identities: Buffer = none;
  #live = new Map<bigint, LiveUpper[]>();

  /** Brings the knowledge up to the table of now. */
  *refresh(): Routine<void> {
    if (this.ids === undefined || !(yield* this.#readNew())) yield* this.#readAll();
    this.identities = Buffer.concat([...this.#live.values()].flat().map((upper) => upper.identity));
  }

  /** Who has the directory with this identity. */
  holderOf(identity: Uint8Array): LiveUpper | undefined {
    return [...this.#live.values()].flat().find((upper) => upper.identity.equals(identity));
  }

  // False on a kernel that lists no mounts, or gives no options for them.
  *#readNew(): Routine<boolean> {
    try {
      const ids = yield* listMountIds();
      const live = new Map<bigint, LiveUpper[]>();
      for (const id of ids) live.set(id, this.#live.get(id) ?? []);
      const entries = yield* readOverlays(ids.filter((id) => !this.#live.has(id)));
      for (const entry of entries) live.set(entry.uniqueId!, yield* identify(entry));
      this.ids = Buffer.from(new BigUint64Array(ids).buffer);
      this.#live = live;
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  *#readAll(): Routine<void> {
    this.ids = undefined;
    this.#live = new Map();
    for (const entry of yield* readOverlayTable()) {
      this.#live.set(BigInt(entry.id), yield* identify(entry));
    }
  }
}
