// The directories of the overlays in this mount namespace's table, kept up to date.
import { isServed } from '../diagnosis/silent-places.ts';
import { AT_FDCWD, AT_STATX_DONT_SYNC, STATX_INO } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import {
  listMountIds,
  type MountPlace,
  readMountinfoPlaces,
  readMountPlaces,
} from '../kernel/mount-places.ts';
import { readOverlay, readOverlayTable } from '../kernel/mount-table.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { IdentityList } from './identity-list.ts';
import {
  identify,
  type LiveDirectories,
  type LiveLower,
  type LiveUpper,
  type MountTable,
  NO_DIRECTORIES,
  unanswered,
} from './live-directories.ts';
import { partialMounts } from './partial-mounts.ts';

const none = Buffer.alloc(0);
// So many are asked about at a time.
const BATCH = 512;

const NO_TABLE: MountTable = { places: [], served: [] };

interface Seen {
  readonly place: MountPlace | undefined;
  readonly live: LiveDirectories;
}

function withMore({ places, served }: MountTable, more: readonly MountPlace[]): MountTable {
  return { places: [...places, ...more], served: [...served, ...more.filter(isServed)] };
}

/**
 * What the guard 'quick' knows. Mount ids are never used twice, so that a mount once looked at need not be looked at
 * again; where the kernel has no such ids the whole table is read for each mount.
 */
export class LiveUppers {
  /** All mounts looked at, ascending 64-bit ids as listmount(2) gives them; undefined on kernels without it. */
  ids: Buffer | undefined = none;
  /** The same of mounts' roots above which their filesystem goes on in another mount. */
  partial: Buffer = none;
  /** What all this was read from. */
  table: MountTable = NO_TABLE;
  #identities = new IdentityList();
  #apart = new IdentityList();
  #devices = new Set<string>();
  #seen = new Map<bigint, Seen>();

  /** 16 bytes a directory that an overlay of the table writes to, as `require_disjoint` compares them. */
  get identities(): Buffer {
    return this.#identities.list;
  }

  /** The same of what an upper may not be: directories that an overlay of the table reads, or that its uppers lie in. */
  get apart(): Buffer {
    return this.#apart.list;
  }

  /** Brings the knowledge up to the table of now. */
  *refresh(): Routine<void> {
    if (this.ids === undefined || !(yield* this.#readNew())) yield* this.#readAll();
  }

  /** All, those mounted first in front. */
  get uppers(): readonly LiveUpper[] {
    return this.#live().flatMap(({ uppers }) => uppers);
  }

  get lowers(): readonly LiveLower[] {
    return this.#live().flatMap(({ lowers }) => lowers);
  }

  #live(): LiveDirectories[] {
    return [...this.#seen.values()].map(({ live }) => live);
  }

  // Nothing is known any more.
  #forget(): void {
    this.#seen = new Map();
    this.#identities = new IdentityList();
    this.#apart = new IdentityList();
    this.#devices = new Set();
    this.table = NO_TABLE;
  }

  #add({ uppers, lowers, above }: LiveDirectories): void {
    for (const { identity } of uppers) this.#identities.add(identity);
    for (const { identity } of lowers) this.#apart.add(identity);
    this.#apart.add(above);
  }

  // False on a kernel that lists no mounts, or gives no options for them.
  *#readNew(): Routine<boolean> {
    try {
      const ids = yield* listMountIds();
      const fresh = yield* readMountPlaces(ids.filter((id) => !this.#seen.has(id)));
      const table = withMore(this.table, fresh);
      const found = new Map<bigint, Seen>();
      for (const place of fresh) {
        const entry = place.isOverlay ? yield* readOverlay(place.id) : undefined;
        const live = entry === undefined ? NO_DIRECTORIES : yield* identify(entry, table);
        found.set(place.id, { place, live });
      }
      if (this.#learn(ids, found)) yield* this.#findPartial();
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  // At once, since others may ask between two jobs. True when it is not known any more which mounts are parts of others.
  #learn(ids: readonly bigint[], found: ReadonlyMap<bigint, Seen>): boolean {
    const kept = ids.filter((id) => this.#seen.has(id));
    const gone = kept.length < this.#seen.size;
    if (gone) this.#keepOnly(kept);
    let partsMayDiffer = gone;
    const more: MountPlace[] = [];
    for (const id of ids) {
      if (this.#seen.has(id)) continue;
      // Newer than all others, so that the order is that of the table.
      const seen = found.get(id) ?? { place: undefined, live: NO_DIRECTORIES };
      this.#seen.set(id, seen);
      this.#add(seen.live);
      if (seen.place === undefined) continue;
      more.push(seen.place);
      partsMayDiffer ||= this.#devices.has(seen.place.device);
      this.#devices.add(seen.place.device);
    }
    this.table = withMore(this.table, more);
    this.ids = Buffer.from(new BigUint64Array(ids).buffer);
    return partsMayDiffer;
  }

  #keepOnly(ids: readonly bigint[]): void {
    const kept = ids.map((id) => [id, this.#seen.get(id)!] as const);
    this.#forget();
    this.#seen = new Map(kept);
    const places = kept.flatMap(([, { place }]) => place ?? []);
    this.table = withMore(NO_TABLE, places);
    for (const { device } of places) this.#devices.add(device);
    for (const [, { live }] of kept) this.#add(live);
  }

  *#findPartial(): Routine<void> {
    const targets = partialMounts(this.table.places).map(({ target }) => target);
    const silent = yield* unanswered(targets, this.table);
    const asked = targets.filter((target) => !silent.has(target.toString('latin1')));
    const roots = new IdentityList();
    for (let start = 0; start < asked.length; start += BATCH) {
      const program = new Program();
      const steps = asked
        .slice(start, start + BATCH)
        .map((target) =>
          program.add('statx', MAY_FAIL | WANT, AT_FDCWD, target, AT_STATX_DONT_SYNC, STATX_INO),
        );
      yield* program.run();
      for (const step of steps) {
        const statx = program.bytes(step);
        if (statx !== undefined) roots.add(identityOf(statx));
      }
    }
    this.partial = roots.list;
  }

  *#readAll(): Routine<void> {
    this.ids = undefined;
    this.#forget();
    this.table = withMore(NO_TABLE, yield* readMountinfoPlaces());
    for (const entry of yield* readOverlayTable()) {
      const live = yield* identify(entry, this.table);
      this.#seen.set(BigInt(entry.id), { place: undefined, live });
      this.#add(live);
    }
    yield* this.#findPartial();
  }
}
