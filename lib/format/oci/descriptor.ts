// Descriptors: what points to content in an image, by digest, size and media type.
//
// Source: the OCI image specification, descriptor.md.
import { digestShape } from './digest.ts';
import { type Platform, platformShape } from './platform.ts';
import { mapOf, object, type Shape, size, text } from './shape.ts';

/** Other members are kept. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>> | null;
  readonly platform?: Platform | null;
}

export const descriptorShape: Shape = object(
  { mediaType: text, digest: digestShape, size },
  { annotations: mapOf(text), platform: platformShape },
);
