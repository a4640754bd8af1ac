// What the package gives as overlayfs/layer: reading and marking the directories that an overlay is made of.
export type { DialectOptions } from './caller-dialect.ts';
export { isOpaque, isOpaqueSync, makeOpaque, makeOpaqueSync } from './opaque.ts';
export { isWhiteout, isWhiteoutSync, type WhiteoutOptions, whiteout, whiteoutSync } from './whiteout.ts';
