// Mounts a snapshot in this process: an overlay of its layers, or its directory alone, held by a lock as long as it lives.
import type { PathLike, UnmountOptions } from '../format/mount-spec.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { close } from '../kernel/call.ts';
import { runAsync } from '../kernel/routine.ts';
import { mount } from '../mount/mount.ts';
import { lacksPrivilege } from '../mount/rootless.ts';
import { Bind } from './bind.ts';
import type { Driver } from './driver.ts';
import { type OpenEntry, openEntry } from './entries.ts';
import { refuseMounted, sourceOf } from './in-use.ts';
import { layersOf } from './overlay-driver.ts';
import type { Place } from './place.ts';
import { refusal } from './refusal.ts';

/** A mounted snapshot. Disposing it unmounts it; the snapshot and what was written stay. */
export interface SnapshotMount extends AsyncDisposable {
  readonly key: string;
  /** Where to read and write: the target, or `/proc/<pid>/fd/N` while detached. */
  readonly path: string;
  /** The mount's root. */
  readonly fd: number;
  readonly attached: boolean;
  /** Puts a detached one into the file tree. @throws {OverlayError} */
  attach(target: PathLike): Promise<void>;
  /** Nothing happens when it has ended. @throws {OverlayError} ERR_OVERLAY_BUSY and others */
  unmount(options?: UnmountOptions): Promise<void>;
}

type Mounted = Omit<SnapshotMount, 'key' | typeof Symbol.asyncDispose>;

class HeldMount implements SnapshotMount {
  readonly key: string;
  readonly #mounted: Mounted;
  #lock: number | undefined;

  constructor(key: string, mounted: Mounted, lock: number) {
    this.key = key;
    this.#mounted = mounted;
    this.#lock = lock;
  }

  get path(): string {
    return this.#mounted.path;
  }

  get fd(): number {
    return this.#mounted.fd;
  }

  get attached(): boolean {
    return this.#mounted.attached;
  }

  async attach(target: PathLike): Promise<void> {
    await this.#mounted.attach(target);
  }

  async unmount(options?: UnmountOptions): Promise<void> {
    await this.#mounted.unmount(options);
    if (this.#lock !== undefined) close(this.#lock);
    this.#lock = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
  }
}

export function notMountable({ name }: { readonly name: string }): Error {
  const sentence = `${JSON.stringify(name)} is committed, and only active snapshots and views can be mounted`;
  return refusal('ERR_STORE_NOT_ACTIVE', sentence, 'make a view or an active snapshot of it', {
    option: 'key',
  });
}

async function mountOverlay(place: Place, entry: OpenEntry, target: PathLike | undefined): Promise<Mounted> {
  const { directory, record } = entry;
  const { lower, upper, work } = layersOf(place, directory, record);
  const writable = record.kind === 'active';
  const [top, ...rest] = writable || upper === undefined ? lower : [upper, ...lower];
  const asUser = place.facts.dialect === 'user';
  const index = writable ? { index: false as const } : {};
  return await mount({
    lower: [top ?? place.path('empty'), ...rest],
    ...(writable ? { upper: upper!, work: work! } : {}),
    ...(target === undefined ? {} : { target }),
    options: asUser ? { ...index, userxattr: true } : index,
    source: sourceOf(directory),
    ...(asUser ? { rootless: 'auto' as const } : {}),
  });
}

async function mountAlone(
  place: Place,
  { directory, record }: OpenEntry,
  target?: PathLike,
): Promise<Mounted> {
  const { lower, upper } = layersOf(place, directory, record);
  const bind = await Bind.make(upper ?? lower[0]!, record.kind === 'view');
  if (target === undefined) return bind;
  try {
    await bind.attach(target);
    return bind;
  } catch (error) {
    await bind.unmount();
    throw error;
  }
}

/** @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_NOT_ACTIVE, ERR_STORE_IN_USE, and what mount() throws */
export async function mountSnapshot(
  place: Place,
  driver: Driver,
  key: string,
  target: PathLike | undefined,
): Promise<SnapshotMount> {
  const entry = await openEntry(place, key, 'share');
  try {
    if (entry.record.kind === 'committed') throw notMountable(entry.record);
    await driver.unseal?.(place, entry);
    // Who is not root may mount nothing but overlays.
    const layered =
      driver.name === 'overlay' && (entry.record.parent !== null || (await runAsync(lacksPrivilege())));
    const mounted = await (layered ? mountOverlay : mountAlone)(place, entry, target);
    return new HeldMount(key, mounted, entry.fd);
  } catch (error) {
    close(entry.fd);
    // Told of the snapshot, and not of its upper, which users of stores know nothing of.
    if (error instanceof OverlayError && error.code === 'ERR_OVERLAY_IN_USE')
      await refuseMounted(place, key, entry.directory, undefined);
    throw error;
  }
}
