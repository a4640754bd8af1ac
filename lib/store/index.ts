// What the package gives as overlayfs/store: named snapshots on overlays or on btrfs.
export type { SnapshotKind, SnapshotLimits, Usage } from '../format/store/record.ts';
export type { DriverName } from '../format/store/store-facts.ts';
export type { Cleanup } from './cleanup.ts';
export type {
  PrepareOptions,
  SnapshotFilter,
  SnapshotOptions,
  Store,
  StoreOptions,
  UpdateOptions,
} from './contract.ts';
export type { ImageLayer, ImageSource, ImportOptions, ImportProgress } from './image-source.ts';
export type { MountDescription } from './mount-description.ts';
export type { SnapshotMount } from './mount-snapshot.ts';
export { openStore } from './open-store.ts';
export type { Snapshot } from './snapshot.ts';
