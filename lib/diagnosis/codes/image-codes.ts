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
  ERR_OVERLAY_LAYER_COMPRESSION: {
    meaning: 'a layer whose compression is broken, ends too early, or is none that layers have',
    remedy: 'fetch or make it anew',
  },
  ERR_OVERLAY_NO_ZSTD: {
    meaning: 'a layer is to be compressed by zstd, which this Node cannot',
    remedy: 'use Node 22.15 or newer, or gzip',
  },
  ERR_OVERLAY_LAYER_LIMIT: {
    meaning:
      'a layer with more entries, bytes, names in a path or compression than the limit; `option` has which',
    remedy: 'raise the limit, if the layer is to be trusted',
  },
  ERR_OVERLAY_LAYER_PATH: {
    meaning: 'an entry of a layer that lies in what is no directory, or behind links that lead in a circle',
    remedy: 'do not use the layer: no tool writes such entries by accident',
  },
  ERR_OVERLAY_LAYER_LINK: {
    meaning: 'a hard link of a layer to what neither it nor a known layer below has, or to a directory',
    remedy: 'name the layers below as `lowers`',
  },
  ERR_OVERLAY_LAYER_OWNER: {
    meaning: 'this process may not give a file to the owner that a layer names',
    remedy: 'run as root, or pass `rootless: true`',
  },
  ERR_OVERLAY_LAYER_DEVICE: {
    meaning: 'this process may not make a device of a layer',
    remedy: 'run as root, or pass `rootless: true`',
  },
  ERR_OVERLAY_LAYER_XATTR: {
    meaning: 'an extended attribute of a layer cannot be set, by this process or on this filesystem',
    remedy: 'run as root on ext4, XFS or btrfs, or pass `rootless: true`',
  },
  ERR_OVERLAY_LAYER_OPAQUE_ROOT: {
    meaning: 'a layer that deletes all below it, unpacked for an overlay without `lowers`',
    remedy: 'name the layers below',
  },
  ERR_OVERLAY_LAYER_PARTIAL: {
    meaning:
      'a directory is to be packed that has renamed directories, or files without content, of layers below',
    remedy: 'pack a stack of it and those layers',
  },
  ERR_OVERLAY_LAYER_CHANGED: {
    meaning: 'a file changed while it was packed',
    remedy: 'pack what nobody writes to',
  },
  ERR_OVERLAY_LAYER_UNREAD: {
    meaning: 'the stream of a packed layer was ended early, so that its digest is not known',
    remedy: 'read it to its end',
  },
  ERR_OVERLAY_TARGET_EXISTS: {
    meaning: 'what is to be made is there already, or something is mounted there',
    remedy: 'name another place, or remove it',
  },
  ERR_OVERLAY_NO_IMAGE: {
    meaning: 'neither an OCI layout, nor an archive of one, nor one of `docker save`',
    remedy: 'make one of it with `skopeo copy`',
  },
  ERR_OVERLAY_IMAGE_NAME: {
    meaning: 'several images and none named, or none of the name',
    remedy: 'name one of those that the hint has',
  },
  ERR_OVERLAY_IMAGE_COMPRESSED: {
    meaning: 'an archive of an image that is compressed as a whole',
    remedy: 'decompress it first',
  },
  ERR_OVERLAY_DIGEST_MISMATCH: {
    meaning: 'content that has another digest or size than the image says',
    remedy: 'fetch the image anew',
  },
} as const;
