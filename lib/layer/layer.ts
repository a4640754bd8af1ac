// One layer of a stack, opened: everything in it is reached beneath its root, through no link and no other mount.
import type { Dialect } from '../format/overlay-xattr.ts';
import { call } from '../kernel/call.ts';
import {
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../kernel/constants.ts';
import { reach } from '../kernel/reach.ts';
import type { Routine } from '../kernel/routine.ts';

/** Which layer of the stack: the upper, or one of the lowers or data layers, counted from the top and from 0. */
export interface LayerName {
  readonly kind: 'upper' | 'lower' | 'data';
  readonly index: number;
}

export interface Layer {
  readonly name: LayerName;
  /** As the kernel counts: 0 is the upper, whether there is one or not. */
  readonly number: number;
  /** Its root, as O_PATH. */
  readonly fd: number;
  /** The mount that it is seen through. */
  readonly mountId: bigint;
  readonly dialect: Dialect;
}

/** A directory of one layer. */
export interface RealDirectory {
  readonly layer: Layer;
  /** From the layer's root, one character a byte; empty for the root. */
  readonly place: string;
}

/** How everything in a layer is opened. RESOLVE_NO_SYMLINKS holds for magic links too. Source: openat2(2). */
export const INSIDE: number = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

/** `lower 2`; `upper`. */
export function layerText({ kind, index }: LayerName): string {
  return kind === 'upper' ? 'upper' : `${kind} ${index}`;
}

/** The place of a name in a directory. */
export function placeIn(place: string, name: string): string {
  return place === '' ? name : `${place}/${name}`;
}

/**
 * Hands `use` a descriptor and a path from there that lead to a place of the layer, however long its path is.
 *
 * @throws {KernelError} of openat2(2): ENOENT, ENOTDIR, ELOOP for a link on the way, EXDEV for a mount, EACCES
 */
export function reachPlace<T>(
  { layer, place }: RealDirectory,
  use: (dir: number, path: Buffer) => Routine<T>,
): Routine<T> {
  return reach(layer.fd, Buffer.from(place === '' ? '.' : place, 'latin1'), INSIDE, use);
}

/** Opens a place of the layer as O_PATH, whatever is there. Close it. Throws as {@link reachPlace} does. */
export function openPlace(place: RealDirectory, flags: number = 0): Routine<number> {
  return reachPlace(place, (dir, path) => call('openat2', dir, path, O_PATH | O_NOFOLLOW | flags, 0, INSIDE));
}

/** Whether both lists are of the same directories. */
export function samePlaces(a: readonly RealDirectory[], b: readonly RealDirectory[]): boolean {
  return (
    a.length === b.length && a.every(({ layer, place }, i) => layer === b[i]!.layer && place === b[i]!.place)
  );
}
