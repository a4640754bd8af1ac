// What the package gives as overlayfs/layer: reading and marking the directories that an overlay is made of.
export type { DialectOptions } from './caller-dialect.ts';
export type { Change, ChangedWhat, EntryPath, EntryType } from './change.ts';
export type { ChangeList } from './change-list.ts';
export type { ChangeOptions } from './changes.ts';
export { type CompareOptions, type CompareProgress, compareTrees } from './compare-trees.ts';
export type { LayerName } from './layer.ts';
export type { HiddenBy, LayerLook, Lookup, Role } from './lookup.ts';
export type { LayerPlace, MergedEntry } from './merged-entry.ts';
export { isOpaque, isOpaqueSync, makeOpaque, makeOpaqueSync } from './opaque.ts';
export { openStack, type Stack } from './stack.ts';
export type { StackReader } from './stack-reader.ts';
export type { StackOptions, StackSpec } from './stack-spec.ts';
export type { StreamOptions, StreamProgress } from './streaming.ts';
export type { Findings } from './walk.ts';
export { isWhiteout, isWhiteoutSync, type WhiteoutOptions, whiteout, whiteoutSync } from './whiteout.ts';
