// The package's door: everything public, and nothing else.
export { type Finding, OverlayError } from './diagnosis/overlay-error.ts';
export { FormatError } from './format/format-error.ts';
export { formatOptions } from './format/format-options.ts';
export type {
  AnyOverlayOptions,
  Guard,
  LayerSource,
  MountAttributes,
  MountSpec,
  MountVia,
  OverlayOptions,
  PathLike,
  Propagation,
  UnmountOptions,
} from './format/mount-spec.ts';
export { type ParsedOptions, parseOptions } from './format/parse-options.ts';
export { type Features, features, featuresSync } from './kernel/features/features.ts';
export { KernelError } from './kernel/kernel-error.ts';
export { type ListedPath, list, listSync, type OverlayMount, type UnknownLayer } from './mount/list.ts';
export { mount, mountSync } from './mount/mount.ts';
export type { Overlay } from './mount/overlay.ts';
export { unmount, unmountSync } from './mount/unmount.ts';
