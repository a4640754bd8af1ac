// An image that a caller gives: the layers of one that openImage() opened, or of anything that has the same.
import { fieldOf, wrongType } from '../format/given.ts';

/** @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE */
export function layersOf<T>(image: { readonly layers: readonly T[] }): readonly T[] {
  const given: unknown = image;
  const layers = typeof given === 'object' && given !== null ? fieldOf(given, 'layers', 'image') : undefined;
  if (Array.isArray(layers)) return layers;
  return wrongType('image', 'an image, as openImage() gives it', image);
}
