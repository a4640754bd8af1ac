// Manifests: one image of one platform, its config and its layers, bottom first.
//
// Source: the OCI image specification, manifest.md; Docker's schema 2 is the same with its own media types.
import { type Descriptor, descriptorShape } from './descriptor.ts';
import { requireMediaKind } from './media-type.ts';
import { badDocument, exactly, listOf, mapOf, object, parseDocument, text } from './shape.ts';

/** Other members are kept. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string | null;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>> | null;
}

const shape = object(
  { schemaVersion: exactly(2), config: descriptorShape, layers: listOf(descriptorShape) },
  { mediaType: text, annotations: mapOf(text) },
);

/** @throws {FormatError} `ERR_OVERLAY_IMAGE_DOCUMENT`, `ERR_OVERLAY_IMAGE_DIGEST`, `ERR_OVERLAY_IMAGE_MEDIA_TYPE` */
export function parseManifest(bytes: Uint8Array, name = 'the manifest'): Manifest {
  const document = parseDocument(bytes, name, shape) as Manifest;
  // One that could be read as an index too has two meanings (CVE-2021-41190).
  if ('manifests' in document) throw badDocument(name, 'is an index too');
  if (document.mediaType) requireMediaKind(document.mediaType, name, 'manifest');
  requireMediaKind(document.config.mediaType, `${name}.config`, 'config');
  for (const [i, layer] of document.layers.entries()) {
    requireMediaKind(layer.mediaType, `${name}.layers[${i}]`, 'layer');
  }
  return document;
}
