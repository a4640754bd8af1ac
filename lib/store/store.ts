// An open store: snapshots by name, each of its methods a door to what another file does.

import { CALLBACK, CHECKED_LATER, FLAG, readOptions, SIGNAL } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import type { Finding } from '../format/overlay-error.ts';
import { bytesToPath } from '../format/path-bytes.ts';
import type { SnapshotLimits, Usage } from '../format/store/record.ts';
import type { DriverName } from '../format/store/store-facts.ts';
import { close } from '../kernel/call.ts';
import type { Change } from '../layer/change.ts';
import type { Findings } from '../layer/walk.ts';
import type { PackedLayer, PackOptions } from '../oci/pack-layer.ts';
import { btrfsDriver } from './btrfs-driver.ts';
import { checkStore } from './check.ts';
import { type Cleanup, cleanupStore } from './cleanup.ts';
import { commitSnapshot } from './commit.ts';
import type { PrepareOptions, SnapshotFilter, SnapshotOptions, Store, UpdateOptions } from './contract.ts';
import type { Driver } from './driver.ts';
import { allEntries, type Hold, type OpenEntry, openEntry, readEntry } from './entries.ts';
import { readFilter } from './given-filter.ts';
import { readKey, readLabelChange, readLabels, readLimits } from './given-words.ts';
import type { ImageSource, ImportOptions, Unpack } from './image-source.ts';
import { importImage } from './import-image.ts';
import { makeSnapshot } from './make.ts';
import type { MountDescription } from './mount-description.ts';
import { mountSnapshot, notMountable, type SnapshotMount } from './mount-snapshot.ts';
import { overlayDriver } from './overlay-driver.ts';
import { packSnapshot } from './pack-snapshot.ts';
import type { Place } from './place.ts';
import { isDamaged } from './read-record.ts';
import { explained } from './refusal.ts';
import { removeSnapshot } from './remove.ts';
import { repairStore } from './repair.ts';
import { type Snapshot, snapshotOf } from './snapshot.ts';
import { changesOf } from './snapshot-changes.ts';
import { updateLabels } from './update.ts';

const DRIVERS: Readonly<Record<DriverName, Driver>> = { overlay: overlayDriver, btrfs: btrfsDriver };
const LABELS = { labels: CHECKED_LATER } as const;

export class OpenStore implements Store {
  readonly #place: Place;
  readonly #driver: Driver;

  readonly #unpack: Unpack;

  constructor(place: Place, unpack: Unpack) {
    this.#place = place;
    this.#unpack = unpack;
    this.#driver = DRIVERS[place.facts.driver];
  }

  get root(): string | Buffer {
    return bytesToPath(this.#place.absolute);
  }

  get driver(): DriverName {
    return this.#driver.name;
  }

  get reason(): string {
    return this.#place.facts.reason;
  }

  async import(image: ImageSource, options?: ImportOptions): Promise<Snapshot> {
    const wanted = readOptions<ImportOptions>(options, { onProgress: CALLBACK, signal: SIGNAL });
    return snapshotOf(
      await this.#do(() => importImage(this.#place, this.#driver, this.#unpack, image, wanted)),
    );
  }

  async prepare(key: string, parent?: string, options?: PrepareOptions): Promise<Snapshot> {
    const { labels, limits } = readOptions<PrepareOptions>(options, {
      ...LABELS,
      limits: CHECKED_LATER,
    });
    return await this.#make('active', key, parent, labels, readLimits(limits));
  }

  async view(key: string, parent?: string, options?: SnapshotOptions): Promise<Snapshot> {
    return await this.#make(
      'view',
      key,
      parent,
      readOptions<SnapshotOptions>(options, LABELS).labels,
      undefined,
    );
  }

  async commit(name: string, key: string, options?: SnapshotOptions): Promise<Snapshot> {
    const labels = readLabels(readOptions<SnapshotOptions>(options, LABELS).labels);
    const [to, from] = [readKey(name, 'name'), readKey(key)];
    return snapshotOf(await this.#do(() => commitSnapshot(this.#place, this.#driver, to, from, labels)));
  }

  async mounts(key: string): Promise<MountDescription[]> {
    // Shared, since one that is being committed must not be made writable.
    return await this.#with(key, 'share', async (entry) => {
      if (entry.record.kind === 'committed') throw notMountable(entry.record);
      await this.#driver.unseal?.(this.#place, entry);
      return await this.#driver.mounts(this.#place, entry);
    });
  }

  async mount(key: string, target?: PathLike): Promise<SnapshotMount> {
    const name = readKey(key);
    return await this.#do(() => mountSnapshot(this.#place, this.#driver, name, target));
  }

  async stat(key: string): Promise<Snapshot> {
    const name = readKey(key);
    return snapshotOf(await this.#do(() => readEntry(this.#place, name)));
  }

  async list(filter?: SnapshotFilter | string | readonly string[]): Promise<Snapshot[]> {
    const matches = readFilter(filter);
    return await this.#do(async () => {
      const found: Snapshot[] = [];
      for await (const entry of allEntries(this.#place)) {
        if (isDamaged(entry)) continue;
        const snapshot = snapshotOf(entry);
        if (matches(snapshot)) found.push(snapshot);
      }
      return found.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
    });
  }

  async usage(key: string): Promise<Usage> {
    return await this.#with(key, 'look', (entry) => this.#driver.usage(this.#place, entry));
  }

  async remove(key: string): Promise<void> {
    const name = readKey(key);
    await this.#do(() => removeSnapshot(this.#place, this.#driver, name));
  }

  async update(
    key: string,
    labels: Readonly<Record<string, string>>,
    options?: UpdateOptions,
  ): Promise<Snapshot> {
    const { fieldpaths } = readOptions<UpdateOptions>(options, { fieldpaths: CHECKED_LATER });
    const [name, change] = [readKey(key), readLabelChange(labels, fieldpaths)];
    return snapshotOf(await this.#do(() => updateLabels(this.#place, name, change)));
  }

  changes(key: string): Findings<Change> {
    this.#place.mustBeOpen();
    return changesOf(this.#place, this.#driver, readKey(key));
  }

  async pack(key: string, options?: PackOptions): Promise<PackedLayer> {
    const name = readKey(key);
    return await this.#do(() => packSnapshot(this.#place, this.#driver, name, options));
  }

  async check(): Promise<Finding[]> {
    return await this.#do(() => checkStore(this.#place, this.#driver));
  }

  async repair(options?: { readonly discard?: boolean }): Promise<Finding[]> {
    const { discard = false } = readOptions<{ discard?: boolean }>(options, { discard: FLAG });
    return await this.#do(() => repairStore(this.#place, this.#driver, discard));
  }

  async cleanup(): Promise<Cleanup> {
    return await this.#do(() => cleanupStore(this.#place, this.#driver));
  }

  async close(): Promise<void> {
    await this.#place.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #do<T>(body: () => Promise<T>): Promise<T> {
    return await this.#place.during(() => explained(this.#place.absolute, body));
  }

  async #with<T>(key: string, hold: Hold, use: (entry: OpenEntry) => Promise<T>): Promise<T> {
    const name = readKey(key);
    return await this.#do(async () => {
      const entry = await openEntry(this.#place, name, hold);
      try {
        return await use(entry);
      } finally {
        close(entry.fd);
      }
    });
  }

  async #make(
    kind: 'active' | 'view',
    key: string,
    parent: string | undefined,
    labels: unknown,
    limits: SnapshotLimits | undefined,
  ): Promise<Snapshot> {
    // containerd's empty parent is none.
    const above = parent === undefined || parent === '' ? undefined : readKey(parent, 'parent');
    const wanted = { kind, name: readKey(key), parent: above, labels: readLabels(labels), limits } as const;
    return snapshotOf(await this.#do(() => makeSnapshot(this.#place, this.#driver, wanted)));
  }
}
