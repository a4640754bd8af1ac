// Imports an image: each layer a committed snapshot under its chain ID, unpacked once, several at a time, named bottom first.

import { FormatError } from '../format/format-error.ts';
import { chainIds } from '../format/oci/digest.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { directoryName, type SnapshotRecord, type Usage } from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import { LOCK_SH } from '../kernel/constants.ts';
import { ofLayer } from '../oci/failure.ts';
import { layersOf } from '../oci/given-image.ts';
import { claiming } from './claim.ts';
import { writeCommitted } from './commit.ts';
import { dataEntry } from './data-entry.ts';
import type { Driver } from './driver.ts';
import { type OpenEntry, openEntry } from './entries.ts';
import { Gate } from './gate.ts';
import type { ImageLayer, ImageSource, ImportOptions, Unpack } from './image-source.ts';
import { type Aside, discard, makeAside, openParent, publish } from './make.ts';
import type { Place } from './place.ts';
import { DATA } from './read-record.ts';
import { refusal } from './refusal.ts';
import { tryLock } from './store-lock.ts';

// Each has a thread for its decompression, and one for its files.
const AT_ONCE = 4;

/** One import under way. */
class Import {
  readonly #place: Place;
  readonly #driver: Driver;
  readonly #unpack: Unpack;
  readonly #options: ImportOptions;
  readonly #names: readonly string[];
  readonly #layers: readonly ImageLayer[];
  readonly #gate = new Gate(AT_ONCE);
  readonly #abort = new AbortController();
  /** What is there already is held, so that nobody removes it. */
  readonly held: OpenEntry[] = [];

  constructor(
    place: Place,
    driver: Driver,
    unpack: Unpack,
    layers: readonly ImageLayer[],
    options: ImportOptions,
  ) {
    this.#place = place;
    this.#driver = driver;
    this.#unpack = unpack;
    this.#options = options;
    this.#layers = layers;
    this.#names = chainIds(layers.map(({ diffId }) => diffId));
  }

  async run(): Promise<SnapshotRecord> {
    const { signal } = this.#options;
    const stop = () => this.#abort.abort(signal?.reason);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await this.#all();
    } finally {
      signal?.removeEventListener('abort', stop);
      for (const { fd } of this.held) close(fd);
    }
  }

  async #all(): Promise<SnapshotRecord> {
    const first = await this.#firstMissing();
    let below: Promise<SnapshotRecord> | undefined =
      this.held[0] === undefined ? undefined : Promise.resolve(this.held[0].record);
    const all: Promise<SnapshotRecord>[] = [];
    for (let i = first; i < this.#layers.length; i++) {
      const parent = below;
      const one = this.#claimed(i, parent);
      // The first failure ends the others; each is waited for, and told of once.
      one.catch((error) => this.#abort.abort(error));
      all.push(one);
      below = one;
    }
    const results = await Promise.allSettled(all);
    const reason = this.#abort.signal.aborted ? this.#abort.signal.reason : undefined;
    if (results.some(({ status }) => status === 'rejected')) throw reason;
    return await below!;
  }

  /** The lowest layer that has to be unpacked. Those below it are there: a parent cannot go before its children. */
  async #firstMissing(): Promise<number> {
    for (let i = this.#names.length - 1; i >= 0; i--) {
      const entry = await this.#there(i);
      if (entry === undefined) continue;
      this.held.push(entry);
      for (let shared = 0; shared <= i; shared++) this.#tell(shared, 'shared', 0);
      return i + 1;
    }
    return 0;
  }

  async #there(i: number): Promise<OpenEntry | undefined> {
    try {
      const entry = await openEntry(this.#place, this.#names[i]!, 'share');
      if (entry.record.kind === 'committed') return entry;
      close(entry.fd);
    } catch (error) {
      if ((error as OverlayError).code !== 'ERR_STORE_NOT_FOUND') throw error;
      return undefined;
    }
    const name = JSON.stringify(this.#names[i]);
    const hint = 'remove it, or commit it under another name';
    throw refusal('ERR_STORE_NOT_COMMITTED', `a snapshot of the layer's name ${name} is not committed`, hint);
  }

  #claimed(i: number, parent: Promise<SnapshotRecord> | undefined): Promise<SnapshotRecord> {
    const name = directoryName(this.#names[i]!);
    return this.#gate.through(() =>
      claiming(this.#place, name, this.#abort.signal, async () => {
        // Somebody else may have been quicker.
        const entry = await this.#there(i);
        if (entry === undefined) return await this.#make(i, parent);
        this.held.push(entry);
        this.#tell(i, 'shared', 0);
        return entry.record;
      }),
    );
  }

  #tell(i: number, state: 'unpacking' | 'shared' | 'done', read: number): void {
    const { digest, size } = this.#layers[i]!;
    this.#options.onProgress?.({ layer: i, digest, state, read, size });
  }

  async #make(i: number, parent: Promise<SnapshotRecord> | undefined): Promise<SnapshotRecord> {
    this.#tell(i, 'unpacking', 0);
    const aside = await makeAside(this.#place);
    const record = await this.#madeIn(aside, i, parent).catch(async (error) => {
      close(aside.fd);
      await discard(this.#place, this.#driver, aside.name);
      throw error;
    });
    this.held.push({ directory: directoryName(record.name), fd: aside.fd, record });
    this.#tell(i, 'done', this.#layers[i]!.size);
    return record;
  }

  async #madeIn({ fd, name }: Aside, i: number, parent?: Promise<SnapshotRecord>): Promise<SnapshotRecord> {
    await (this.#driver.name === 'btrfs' ? this.#onSubvolume(i, fd, parent) : this.#asLayer(i, fd, parent));
    const record = await this.#record(i, fd);
    // Its own is known before; the parent has to be there.
    await parent;
    // Held before it has its name, so that nobody removes it in between.
    tryLock(fd, LOCK_SH);
    await publish(this.#place, name, record.name);
    return record;
  }

  /** Unpacked by itself, while its parent is unpacked too. */
  async #asLayer(i: number, fd: number, parent: Promise<unknown> | undefined): Promise<void> {
    const below = this.#draft(i).chain.map((name) => this.#place.path('snapshots', name, DATA));
    const lowers = Promise.resolve(parent).then(() => below);
    // Whoever does not ask for them does not see why they are not there.
    lowers.catch(() => {});
    await this.#fill(i, fd, 'overlay', lowers);
  }

  /** Unpacked over a snapshot of its parent. */
  async #onSubvolume(i: number, fd: number, parent: Promise<unknown> | undefined): Promise<void> {
    await parent;
    const record = this.#draft(i);
    const above = record.parent === null ? undefined : await openParent(this.#place, record.parent);
    try {
      await this.#driver.beforeMaking?.(this.#place, record);
      await this.#driver.finish(this.#place, record)?.({ fd, record, parent: above });
    } finally {
      if (above !== undefined) close(above.fd);
    }
    await this.#fill(i, fd, 'plain');
  }

  async #fill(
    i: number,
    fd: number,
    format: 'overlay' | 'plain',
    lowers?: Promise<readonly Buffer[]>,
  ): Promise<void> {
    const { diffId } = this.#layers[i]!;
    const { dialect } = this.#place.facts;
    const unpacked = this.#unpack(this.#layers[i]!.open(), await dataEntry(fd), {
      format,
      xattrs: dialect,
      ...(dialect === 'user' ? { rootless: true } : {}),
      diffId,
      ...(lowers === undefined ? {} : { lowers }),
      sync: false,
      onProgress: ({ read }) => this.#tell(i, 'unpacking', read),
      signal: this.#abort.signal,
    });
    await unpacked.catch((error) => {
      throw ofLayer(error, i, this.#layers.length);
    });
  }

  /** Writes it, and puts all on the disk. */
  async #record(i: number, fd: number): Promise<SnapshotRecord> {
    this.#abort.signal.throwIfAborted();
    const record = this.#draft(i);
    const entry = { directory: '', fd, record };
    const usage: Usage = await this.#driver.usage(this.#place, entry);
    const whole: SnapshotRecord = { ...record, usage, ...(await this.#driver.seal(this.#place, entry)) };
    await writeCommitted(fd, whole);
    return whole;
  }

  #draft(i: number): SnapshotRecord {
    const now = new Date().toISOString();
    return {
      version: 1,
      name: this.#names[i]!,
      kind: 'committed',
      parent: this.#names[i - 1] ?? null,
      chain: this.#names.slice(0, i).map(directoryName).reverse(),
      labels: {},
      created: now,
      updated: now,
    };
  }
}

/** @throws {OverlayError} what unpackLayer() throws; the layers that are done stay, of the others nothing does */
export async function importImage(
  place: Place,
  driver: Driver,
  unpack: Unpack,
  image: ImageSource,
  options: ImportOptions,
): Promise<SnapshotRecord> {
  const layers = layersOf(image);
  if (layers.length === 0) {
    const hint = 'prepare() without a parent gives an empty snapshot';
    throw refusal('ERR_STORE_NO_LAYERS', 'the image has no layers', hint, { option: 'image' });
  }
  try {
    const record = await new Import(place, driver, unpack, layers, options).run();
    // The last names too.
    await callAsync('syncfs', place.root);
    return record;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OverlayError([{ code: error.code, sentence: error.message, hint: error.hint }], error);
  }
}
