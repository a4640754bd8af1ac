// The image that a command line names, by its path and the flags that choose among several.
import { type Image, openImage } from '../oci/open-image.ts';
import { wordToPath } from './arguments.ts';
import type { Given } from './flags.ts';

/** @throws {OverlayError} as `openImage` */
export async function openGivenImage(path: string, given: Given): Promise<Image> {
  const [platform, name] = [given.text('platform'), given.text('name')];
  return await openImage(wordToPath(path), {
    ...(platform !== undefined && { platform }),
    ...(name !== undefined && { name }),
  });
}
