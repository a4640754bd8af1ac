// Image indexes, which point to one manifest for each platform, and Docker's manifest lists, which are the same.
//
// Source: the OCI image specification, image-index.md, image-layout.md.
import { type Descriptor, descriptorShape } from './descriptor.ts';
import { requireMediaKind } from './media-type.ts';
import { badDocument, exactly, listOf, mapOf, object, parseDocument, text } from './shape.ts';

/** Other members are kept. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string | null;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>> | null;
}

const shape = object(
  { schemaVersion: exactly(2), manifests: listOf(descriptorShape) },
  { mediaType: text, annotations: mapOf(text) },
);

/** @throws {FormatError} `ERR_OVERLAY_IMAGE_DOCUMENT`, `ERR_OVERLAY_IMAGE_DIGEST`, `ERR_OVERLAY_IMAGE_MEDIA_TYPE` */
export function parseIndex(bytes: Uint8Array, name = 'the index'): ImageIndex {
  const document = parseDocument(bytes, name, shape) as ImageIndex;
  // One that could be read as a manifest too has two meanings (CVE-2021-41190).
  if ('layers' in document || 'config' in document) throw badDocument(name, 'is a manifest too');
  if (document.mediaType) requireMediaKind(document.mediaType, name, 'index');
  return document;
}

/** The file `oci-layout` of a layout: this is the only version there is. */
export function checkLayout(bytes: Uint8Array): void {
  parseDocument(bytes, 'oci-layout', object({ imageLayoutVersion: exactly('1.0.0') }));
}

/** How a layout names an image in its index. */
export const REFERENCE_NAME = 'org.opencontainers.image.ref.name';
