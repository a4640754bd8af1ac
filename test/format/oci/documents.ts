// Documents of an image for the tests, as tools write them.
import { digestOf } from '../../../lib/format/oci/digest.ts';
import { MEDIA_TYPES } from '../../../lib/format/oci/media-type.ts';

export const descriptor = (mediaType: string, content = 'x') => ({
  mediaType,
  digest: digestOf(Buffer.from(content)),
  size: content.length,
});

export const manifest = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.manifest,
  config: descriptor(MEDIA_TYPES.config),
  layers: [descriptor(MEDIA_TYPES.layer.gzip), descriptor(MEDIA_TYPES.layer.zstd)],
};

export const index = {
  schemaVersion: 2,
  manifests: [
    { ...descriptor(MEDIA_TYPES.manifest), platform: { os: 'linux', architecture: 'amd64' } },
    { ...descriptor(MEDIA_TYPES.index), platform: null, annotations: { a: 'b' } },
  ],
};

export const config = {
  architecture: 'amd64',
  os: 'linux',
  created: '2024-01-01T00:00:00Z',
  config: { Env: ['PATH=/bin'], Cmd: ['sh'], Entrypoint: null, Labels: null, Domainname: '' },
  rootfs: { type: 'layers', diff_ids: [digestOf(Buffer.from('a')), digestOf(Buffer.from('b'))] },
  history: [{ created_by: 'a', empty_layer: true }, {}],
};

export const bytes = (document: unknown): Buffer => Buffer.from(JSON.stringify(document));
