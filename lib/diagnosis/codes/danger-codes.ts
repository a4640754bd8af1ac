// The codes for what the kernel lets pass without a word, and what comes to harm then.

export const DANGER_CODES = {
  ERR_OVERLAY_LAYER_REMOVED: {
    meaning: 'a layer has been removed, and only a descriptor keeps it',
    remedy: 'open a directory that exists',
  },
  ERR_OVERLAY_UPPER_IN_LOWER: {
    meaning: 'upper or work lie in a lower, and answer ELOOP in the overlay',
    remedy: 'use directories outside of the lowers; `overlapLayers: true` insists',
  },
  ERR_OVERLAY_OTHER_DIALECT: {
    meaning: 'upper was written with `userxattr` and is used without, or the other way round',
    remedy: 'mount it as it was written, or start with an empty upper; `mixDialects: true` insists',
  },
  ERR_OVERLAY_DIRTY_UPPER: {
    meaning:
      'a volatile overlay has written upper, with another work directory, so that the kernel does not notice',
    remedy: 'throw upper away; `trustVolatile: true` insists, when it is known to be whole',
  },
  ERR_OVERLAY_UPPER_IS_LOWER: {
    meaning: 'upper or work is a lower of a live overlay, which would change under it',
    remedy: 'use another directory, or unmount that overlay first; `shareUpper: true` insists',
  },
  ERR_OVERLAY_LAYER_MAY_CHANGE: {
    meaning:
      'a lower contains the upper of a live overlay, or upper lies in a lower of one: what is changed there is undefined',
    remedy: 'change nothing there while both are mounted, or use other directories',
  },
  ERR_OVERLAY_UPPER_CLOSED: {
    meaning: 'upper is immutable, or not writable for this user, so that every change in the overlay fails',
    remedy: 'use an upper that this user may write to',
  },
  ERR_OVERLAY_NO_FILE_TYPES: {
    meaning: "listings of the upper's filesystem tell no file types, so that deleted files stay visible",
    remedy: 'put upper on another filesystem (xfs: made with `ftype=1`)',
  },
  ERR_OVERLAY_WORK_IN_OTHER_PROJECT: {
    meaning:
      'upper takes only files of its own project (`chattr +P`), and those made in work have another: EXDEV on every change',
    remedy: 'give work the project of upper, or leave work out',
  },
  ERR_OVERLAY_UPPER_IS_OLD_WORK: {
    meaning:
      'upper looks like a work directory that was used, and work like an upper: they seem to be exchanged',
    remedy: 'exchange them',
  },
  ERR_OVERLAY_NO_ATTRIBUTES: {
    meaning: "the upper's filesystem keeps no extended attributes",
    remedy: 'put upper on a filesystem that does, such as ext4 or tmpfs',
  },
  ERR_OVERLAY_MOUNTS_HIDDEN: {
    meaning: 'something is mounted in a lower, which an overlay does not show',
    remedy: 'name what is mounted there as a layer of its own, or leave it out knowingly',
  },
  ERR_OVERLAY_NOEXEC_LOST: {
    meaning: 'a layer is on a noexec mount, and the overlay would not be',
    remedy: 'pass `attributes: { noexec: true }`',
  },
  ERR_OVERLAY_TARGET_IS_OVERLAY: {
    meaning: 'an overlay is mounted on the target already',
    remedy: 'unmount it first, or use another target',
  },
  ERR_OVERLAY_TARGET_IN_LAYER: {
    meaning: 'the target lies in a layer',
    remedy: 'use a target outside of the layers',
  },
  ERR_OVERLAY_TARGET_NOT_EMPTY: {
    meaning: 'the target has entries, which the overlay would hide',
    remedy: 'use an empty directory',
  },
} as const;
