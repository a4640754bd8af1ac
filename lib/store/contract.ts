// What a store gives: its types, and no code.
import type { PathLike } from '../format/mount-spec.ts';
import type { Finding } from '../format/overlay-error.ts';
import type { SnapshotKind, SnapshotLimits, Usage } from '../format/store/record.ts';
import type { DriverName } from '../format/store/store-facts.ts';
import type { Change } from '../layer/change.ts';
import type { Findings } from '../layer/walk.ts';
import type { PackedLayer, PackOptions } from '../oci/pack-layer.ts';
import type { Cleanup } from './cleanup.ts';
import type { ImageSource, ImportOptions } from './image-source.ts';
import type { MountDescription } from './mount-description.ts';
import type { SnapshotMount } from './mount-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

export interface StoreOptions {
  /** Default `'auto'`: what the store has; for a new one, what its directory can do. */
  readonly driver?: 'auto' | DriverName;
  /** Whether a directory that is empty, or not there yet, becomes a store. Default: true; false gives ERR_STORE_MISSING. */
  readonly create?: boolean;
}

export interface SnapshotOptions {
  /** Of each, name and value have at most 4,096 bytes together. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PrepareOptions extends SnapshotOptions {
  /**
   * What may be written: bytes and inodes by a project quota on ext4 and XFS, bytes by a qgroup on btrfs; where the
   * filesystem has none, ERR_STORE_NO_QUOTA.
   */
  readonly limits?: SnapshotLimits;
}

export interface UpdateOptions {
  /**
   * What is to be changed, in containerd's words: `labels` for all of them, which is the default, `labels.NAME` for one; that
   * goes when it is not among those that are given.
   */
  readonly fieldpaths?: readonly string[];
}

/** All that is given has to be true. */
export interface SnapshotFilter {
  readonly name?: string;
  readonly kind?: SnapshotKind;
  readonly parent?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Snapshots, with the meaning and the errors of containerd's snapshotter: an active one is prepared on a committed one,
 * written to, and committed under another name. Several processes can have one store open. Close it; what is mounted stays.
 */
export interface Store extends AsyncDisposable {
  /** The directory, without symbolic links. */
  readonly root: string | Buffer;
  readonly driver: DriverName;
  /** Why it has this driver: a sentence. */
  readonly reason: string;
  /**
   * Unpacks an image, as openImage() of overlayfs/oci gives it; gives the snapshot of its top layer. Each layer becomes a
   * committed snapshot whose name is its chain ID. One that is there is not unpacked again, not either when two processes
   * import at once.
   *
   * @throws {OverlayError} what unpackLayer() throws, ERR_STORE_NO_LAYERS
   */
  import(image: ImageSource, options?: ImportOptions): Promise<Snapshot>;
  /** A writable snapshot of a committed one, or of nothing. @throws {OverlayError} ERR_STORE_EXISTS, ERR_STORE_NOT_FOUND, ERR_STORE_NOT_COMMITTED, ERR_STORE_NO_QUOTA, ERR_STORE_METADATA_SPACE */
  prepare(key: string, parent?: string, options?: PrepareOptions): Promise<Snapshot>;
  /** The same, read-only. */
  view(key: string, parent?: string, options?: SnapshotOptions): Promise<Snapshot>;
  /** Turns an active snapshot into a committed one; its key is free then. Its labels are not taken over. */
  commit(name: string, key: string, options?: SnapshotOptions): Promise<Snapshot>;
  /** What mounts an active snapshot or a view, in containerd's form. */
  mounts(key: string): Promise<MountDescription[]>;
  /** Mounts it in this process: at the target, or nowhere. */
  mount(key: string, target?: PathLike): Promise<SnapshotMount>;
  /** @throws {OverlayError} ERR_STORE_NOT_FOUND */
  stat(key: string): Promise<Snapshot>;
  /** By name. Several filters in containerd's words: one of them has to be true. */
  list(filter?: SnapshotFilter | string | readonly string[]): Promise<Snapshot[]>;
  /** What it takes by itself, without its parents. Of an active one it is counted now. */
  usage(key: string): Promise<Usage>;
  /**
   * It is gone when this returns, and so is what it had on the disk; on btrfs the kernel gives the room back a little later.
   * What cannot be removed there is left without a name, for `cleanup`, which says why.
   *
   * @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_HAS_CHILDREN, ERR_STORE_IN_USE
   */
  remove(key: string): Promise<void>;
  /** Replaces its labels, or some of them; nothing else of it can be changed. @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_FIELD */
  update(key: string, labels: Readonly<Record<string, string>>, options?: UpdateOptions): Promise<Snapshot>;
  /** How it differs from its parent, or from nothing. packLayer() of overlayfs/oci takes it as it is. */
  changes(key: string): Findings<Change>;
  /** The same as the layer of an image, as packLayer() of overlayfs/oci gives it. @throws {OverlayError} ERR_STORE_NOT_FOUND, ERR_STORE_NOT_ACTIVE for a view */
  pack(key: string, options?: PackOptions): Promise<PackedLayer>;
  /** What is wrong with the store; rubbish, which `cleanup` removes, last. */
  check(): Promise<Finding[]>;
  /** Mends what `check` finds, without losing anything unless `discard`: then what cannot be used is removed. Gives what is still wrong. */
  repair(options?: { readonly discard?: boolean }): Promise<Finding[]>;
  /** Removes what processes that have died left, and on btrfs waits until the room of what was removed is free. */
  cleanup(): Promise<Cleanup>;
  close(): Promise<void>;
}
