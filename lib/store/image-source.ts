// What a store asks of an image and of whoever unpacks its layers: types, and no code.
import type { Readable } from 'node:stream';
import type { PathLike } from '../format/mount-spec.ts';
import type { GivenEntry } from '../layer/given-path.ts';

/** A layer of an image: what openImage() of overlayfs/oci gives fits. */
export interface ImageLayer {
  readonly digest: string;
  /** Of the layer without its compression. */
  readonly diffId: string;
  /** Bytes, compressed. */
  readonly size: number;
  open(): Readable;
}

/** An image whose layers are to be had, the lowest first. */
export interface ImageSource {
  readonly layers: readonly ImageLayer[];
}

/** How far an import has come with one layer. */
export interface ImportProgress {
  /** Which layer, from 0, the lowest. */
  readonly layer: number;
  readonly digest: string;
  /** `shared`: it is there already, or was unpacked by somebody else. */
  readonly state: 'unpacking' | 'shared' | 'done';
  /** Bytes that have been read of it, compressed. */
  readonly read: number;
  readonly size: number;
}

export interface ImportOptions {
  /** Called now and then, for each layer at least at its beginning and its end. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Ends it: the layers that are done stay, of the others nothing does. */
  readonly signal?: AbortSignal;
}

/** How a layer is unpacked. */
export interface Unpacking {
  readonly format: 'overlay' | 'plain';
  readonly xattrs: 'trusted' | 'user';
  readonly rootless?: boolean;
  readonly diffId: string;
  /** The directories of the layers below, the nearest first, as soon as they are there. */
  readonly lowers?: Promise<readonly PathLike[]>;
  readonly sync: false;
  readonly onProgress: (progress: { readonly read: number }) => void;
  readonly signal: AbortSignal;
}

/** Unpacks a layer into a directory that is there. */
export type Unpack = (source: Readable, directory: GivenEntry, how: Unpacking) => Promise<unknown>;
