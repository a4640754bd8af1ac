// What the package gives as overlayfs/oci: layers of images to directories and back, and the images they are in.
export type { Lowers } from './below.ts';
export type { WhiteoutForm } from './deletions.ts';
export type { Dropped } from './dropped.ts';
export { type InspectedLayer, type Inspection, type InspectOptions, inspectImage } from './inspect-image.ts';
export type { UnpackLimits } from './limits.ts';
export type { LayerAccount, LayerChange, Tally } from './merged-tree.ts';
export { type Image, type ImageLayer, type ImageOptions, openImage } from './open-image.ts';
export {
  type Packed,
  type PackedLayer,
  type PackOptions,
  packLayer,
} from './pack-layer.ts';
export { type UnpackImageOptions, unpackImage } from './unpack-image.ts';
export { unpackLayer } from './unpack-layer.ts';
export type { UnpackOptions, UnpackProgress } from './unpack-options.ts';
export type { Unpacked } from './unpack-tree.ts';
export type { HiddenBy, WastedPath } from './waste.ts';
export { type GivenConfig, type WriteOptions, writeImage } from './write-image.ts';
