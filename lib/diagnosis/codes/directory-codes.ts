// The codes for layers, work directory and target that cannot be what they are to be.

export const DIRECTORY_CODES = {
  ERR_OVERLAY_NOT_FOUND: {
    meaning: 'a directory, or one on the way to it, does not exist',
    remedy: 'create it or correct the path; `mkdir: true` makes upper, work and target',
  },
  ERR_OVERLAY_DANGLING_SYMLINK: {
    meaning: 'a symbolic link on the way leads to nothing',
    remedy: 'create what the link names, or correct the link',
  },
  ERR_OVERLAY_SYMLINK_LOOP: {
    meaning: 'symbolic links lead in a circle, or more than 40 are on the way',
    remedy: 'correct the links; `readlink` shows where each leads',
  },
  ERR_OVERLAY_NOSYMFOLLOW: {
    meaning: 'a symbolic link on the way is on a mount with `nosymfollow`, where none is followed',
    remedy: 'name the directory that the link leads to',
  },
  ERR_OVERLAY_UNREACHABLE: {
    meaning: 'a directory, or its filesystem, does not answer: a FUSE server that has ended, a lost device',
    remedy: 'unmount it (`umount -l`) and mount it again, or use another directory',
  },
  ERR_OVERLAY_NOT_DIRECTORY: {
    meaning: 'it, or something on the way to it, is no directory',
    remedy: 'name a directory',
  },
  ERR_OVERLAY_NO_ACCESS: {
    meaning: 'a directory on the way may not be searched, or upper or work may not be read',
    remedy: 'grant the permission (`chmod +x`, `chmod u+rwx`), or run as a user who has it',
  },
  ERR_OVERLAY_TARGET_REMOVED: {
    meaning: 'the target has been removed, and only who has it open reaches it',
    remedy: 'use a directory that exists',
  },
  ERR_OVERLAY_FOREIGN_TARGET: {
    meaning: 'the target is on a mount that this mount namespace does not have',
    remedy: 'use a directory of this mount namespace, or enter the other one',
  },
  ERR_OVERLAY_NOT_MADE: {
    meaning:
      'with `mkdir`: a missing directory cannot be made, and why; or none of ours in `upperOn`, or where `keep` writes',
    remedy: 'do what the hint says, or make it yourself',
  },
  ERR_OVERLAY_NOT_WRITABLE: {
    meaning: '`upperOn` is a directory that this user may not write to',
    remedy: 'name a directory of your own, or leave it out for memory',
  },
  ERR_OVERLAY_NAME_TOO_LONG: {
    meaning: 'a name of more than 255 bytes, or a path of more than 4,095',
    remedy: 'use a shorter path, or open the directory and pass `{ fd }`',
  },
  ERR_OVERLAY_UPPER_IS_WORK: {
    meaning: 'upper and work are one directory',
    remedy: 'give another empty directory of the same filesystem as work, or leave work out',
  },
  ERR_OVERLAY_NO_WORK: {
    meaning:
      '`work` is absent and cannot be made: upper is the root of its mount, or nothing can be made beside it',
    remedy: 'use a subdirectory as upper, or give work',
  },
  ERR_OVERLAY_IN_USE: {
    meaning: 'upper or work belong to a live overlay; two mounts on one corrupt it',
    remedy: 'unmount that overlay or use another directory; `shareUpper: true` insists',
  },
  ERR_OVERLAY_LOWER_IN_USE: {
    meaning:
      'a lower is the upper or work directory of a live overlay, lies in one, or has one in it: it changes while it is read',
    remedy: 'unmount that overlay first, use a copy, or pass `shareLower: true`',
  },
  ERR_OVERLAY_WORK_IN_UPPER: {
    meaning: 'upper and work lie one in the other',
    remedy: 'put them side by side, or leave work out',
  },
  ERR_OVERLAY_WORK_ON_OTHER_MOUNT: {
    meaning: 'upper and work are on two mounts, be it of one filesystem',
    remedy: 'use a work directory beside the upper, reached by the same path, or leave work out',
  },
  ERR_OVERLAY_UPPER_ON_OVERLAY: {
    meaning: 'upper or work lie on an overlay',
    remedy: 'use a directory on another filesystem: a volume of the container, or a tmpfs',
  },
  ERR_OVERLAY_UPPER_READ_ONLY: {
    meaning: 'upper or work are on something read-only',
    remedy: 'use a directory that can be written, or leave upper out for a read-only view',
  },
  ERR_OVERLAY_WORK_HAS_DATA: {
    meaning: "work holds an entry `work` that is not the kernel's, which would delete it",
    remedy: 'use an empty directory as work; `discardWork: true` insists',
  },
  ERR_OVERLAY_BECAME_READ_ONLY: {
    meaning: 'the kernel would mount read-only, since it cannot use the work directory',
    remedy: 'free space or inodes, or use another work directory; `attributes: { readOnly: true }` insists',
  },
  ERR_OVERLAY_INCOMPATIBLE_WORK: {
    meaning: 'an overlay with a feature such as `volatile` has left its mark in work',
    remedy: 'throw upper and work away; `trustVolatile: true` insists, when upper is known to be whole',
  },
  ERR_OVERLAY_LAYER_TWICE: {
    meaning: 'one directory is named twice',
    remedy: 'name each directory once',
  },
  ERR_OVERLAY_LAYERS_OVERLAP: {
    meaning: 'a layer lies in another, or is to get its own changes',
    remedy: 'use directories that lie apart',
  },
  ERR_OVERLAY_TOO_DEEP: {
    meaning: 'a lower lies on an overlay over an overlay',
    remedy: 'name the layers of that overlay instead of its mount point',
  },
  ERR_OVERLAY_PROC_LAYER: {
    meaning: 'a layer is on procfs',
    remedy: 'use a directory of another filesystem',
  },
  ERR_OVERLAY_LAYER_UNFIT: {
    meaning:
      'the kernel, asked for the layer alone, takes no directory of its filesystem (vfat, exfat, autofs and others)',
    remedy: 'copy the layer to ext4, xfs, btrfs or tmpfs',
  },
  ERR_OVERLAY_CASEFOLD: {
    meaning: 'some layers compare names without regard to case (`chattr +F`), and some do not',
    remedy: 'use layers that all do, or none',
  },
  ERR_OVERLAY_NEEDS_TRUSTED: {
    meaning: 'an option that needs `trusted.*` attributes, in a user namespace',
    remedy: 'leave the option out, or mount as root outside of the user namespace',
  },
  ERR_OVERLAY_UPPER_UNFIT: {
    meaning: 'upper is on a filesystem (FUSE, or of the network) that lacks what the kernel demands there',
    remedy: 'put upper and work on ext4, xfs, btrfs or tmpfs; a lower may stay where it is',
  },
  ERR_OVERLAY_OTHER_LOWER: {
    meaning: 'with index or nfs_export: upper was used with another first lower, or that was made anew',
    remedy:
      'use the lower that upper was made with, or start with an empty upper and work; `changeLower: true` insists',
  },
  ERR_OVERLAY_OTHER_UPPER: {
    meaning: 'with index or nfs_export: the index in work belongs to another upper, or upper was copied',
    remedy: 'give an empty work directory, or leave work out',
  },
  ERR_OVERLAY_INDEX_UNFIT: {
    meaning:
      'with index or nfs_export: `index` in work is no index of an overlay, or the notes for one cannot be written',
    remedy: 'remove what is there, or give an empty work directory',
  },
  ERR_OVERLAY_UNBINDABLE: {
    meaning: 'a layer is on an unbindable mount',
    remedy: 'make that mount private: `mount --make-private`',
  },
  ERR_OVERLAY_FOREIGN_MOUNT: {
    meaning: 'the descriptor of a layer is of a mount that this mount namespace does not have',
    remedy: 'open the directory anew in this mount namespace',
  },
  ERR_OVERLAY_LOCKED_MOUNTS: {
    meaning: 'in a user namespace: something is mounted in a layer, which the kernel does not uncover',
    remedy: 'use a directory without mounts in it',
  },
  ERR_OVERLAY_OPTION_REFUSED: {
    meaning: 'the kernel does not know an option, or not its value; asked again for it alone, it said so',
    remedy: 'leave it out, or correct its value; `features()` tells which options this kernel has',
  },
  ERR_OVERLAY_OPTION_DROPPED: {
    meaning: 'the kernel would mount without an option that was asked for; the mount was undone',
    remedy: 'leave the option out, or change what the sentence names',
  },
} as const;
