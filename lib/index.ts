// The package's door: everything public, and nothing else.
export { type ApplyOptions, type ApplyProgress, apply, resumeApply } from './change/apply.ts';
export { type ApplyPlan, type ApplySource, type PlanOptions, planApply } from './change/plan-apply.ts';
export type { PlanStep } from './change/plan-text.ts';
export type { ErrorCode } from './diagnosis/codes/codes.ts';
export { type Finding, OverlayError } from './diagnosis/overlay-error.ts';
export type { FormattableSpec } from './format/format-options.ts';
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
  ScratchOptions,
  UnmountOptions,
} from './format/mount-spec.ts';
export type { ParsedOptions } from './format/parse-options.ts';
export { KernelError } from './kernel/kernel-error.ts';
export type { Change, ChangedWhat, EntryPath, EntryType } from './layer/change.ts';
export type { ChangeList } from './layer/change-list.ts';
export { explain, explainSync } from './mount/explain.ts';
export { explainError, explainErrorSync } from './mount/explain-error.ts';
export { type Features, features, featuresSync } from './mount/features.ts';
export type { KeepOptions } from './mount/keep.ts';
export { layersAt, layersAtSync, type PlaceInOverlay } from './mount/layers-at.ts';
export { type ListedPath, list, listSync, type OverlayMount, type UnknownLayer } from './mount/list.ts';
export { mount, mountSync } from './mount/mount.ts';
export { formatOptions, parseOptions } from './mount/option-words.ts';
export type { Overlay } from './mount/overlay.ts';
export { remount, remountSync } from './mount/remount.ts';
export { scratch, scratchSync } from './mount/scratch.ts';
export type { Scratch } from './mount/scratch-overlay.ts';
export { unmount, unmountSync } from './mount/unmount.ts';
export type { RunOptions, StdioEntry } from './run/options.ts';
export { run } from './run/run.ts';
export type { RunEnd, RunningCommand } from './run/running-command.ts';
