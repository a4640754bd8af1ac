// The codes for image layers and documents: tar archives, names in layers, OCI indexes, manifests and configs.

export const IMAGE_CODES = {
  ERR_OVERLAY_TAR_TRUNCATED: {
    meaning: 'an archive ends in the middle of an entry',
    remedy: 'fetch or write it anew',
  },
  ERR_OVERLAY_TAR_CORRUPT: {
    meaning: 'no tar archive, or a broken one; the message has the byte',
    remedy: 'fetch or write it anew',
  },
  ERR_OVERLAY_TAR_UNSUPPORTED: {
    meaning:
      'an archive with something that is not known: a type of entry, a form of sparse files, part of a set',
    remedy: 'write it with another program, or in the pax format',
  },
  ERR_OVERLAY_TAR_LIMIT: {
    meaning: 'an extended header larger than the limit',
    remedy: 'raise the limit, if the archive is to be trusted',
  },
  ERR_OVERLAY_TAR_VALUE: {
    meaning: 'something that no tar entry can say',
    remedy: 'leave it out',
  },
  ERR_OVERLAY_LAYER_NAME: {
    meaning: 'a name in a layer with `..`, too long, or a whiteout of nothing that could be',
    remedy: 'do not use the layer: no tool writes such names by accident',
  },
  ERR_OVERLAY_IMAGE_DOCUMENT: {
    meaning: 'an index, manifest or config that is not of its form; the message has the place in it',
    remedy: 'fetch or write it anew',
  },
  ERR_OVERLAY_IMAGE_MEDIA_TYPE: {
    meaning: 'a media type that is not known, or not expected there',
    remedy: 'use an image of OCI or Docker media types',
  },
  ERR_OVERLAY_IMAGE_DIGEST: {
    meaning: 'a digest that is none, or of another algorithm than sha256, sha384 and sha512',
    remedy: 'correct the document that has it',
  },
  ERR_OVERLAY_IMAGE_PLATFORM: {
    meaning: 'an image that is not for the platform; the hint has those that it is for',
    remedy: 'name one of those',
  },
} as const;
