// The codes of explainError(): what an error means that node:fs threw inside an overlay.

export const RUN_TIME_CODES = {
  ERR_OVERLAY_WHITEOUT_OPENED: {
    meaning: 'a whiteout of the raw upper was opened, a device 0:0 that says "deleted"',
    remedy: 'read through the overlay, or skip what `lstat` shows as a character device 0:0',
    seen: 'ENXIO',
  },
  ERR_OVERLAY_ACROSS_MOUNTS: {
    meaning: 'both paths of a rename or link lie on two mounts',
    remedy: 'copy and remove: `fs.cp`, then `fs.rm`',
    seen: 'EXDEV',
  },
  ERR_OVERLAY_REDIRECT_OFF: {
    meaning: 'a directory of a lower layer was renamed without `redirect_dir=on`',
    remedy: "mount with `redirectDir: 'on'`, or copy and remove",
    seen: 'EXDEV',
  },
  ERR_OVERLAY_REDIRECT_TOO_LONG: {
    meaning:
      "a directory of a lower layer was renamed, whose path is longer than the module's `redirect_max`",
    remedy: 'copy and remove, or raise `/sys/module/overlay/parameters/redirect_max`',
    seen: 'EXDEV',
  },
  ERR_OVERLAY_WORK_ON_OTHER_SUBVOLUME: {
    meaning: 'upper and work lie on two subvolumes, so that nothing can be copied up',
    remedy: 'mount with a work directory beside the upper, or leave work out',
    seen: 'EXDEV',
  },
  ERR_OVERLAY_METACOPY_OFF: {
    meaning: 'a layer has only the metadata of the file, and `metacopy` is off',
    remedy: 'mount with `metacopy: true`',
    seen: 'EPERM',
  },
  ERR_OVERLAY_METACOPY_DATA_GONE: {
    meaning: 'a layer has only the metadata of the file, and no layer below has its data',
    remedy: 'put the lower back as it was, or delete the file offline from the upper',
    seen: 'EIO',
  },
  ERR_OVERLAY_METACOPY_NO_DIGEST: {
    meaning:
      'the metadata of the file, which is all that a layer has, is without a digest, and `verity=require` demands one',
    remedy: "mount with `verity: 'on'`, or make the layer with digests",
    seen: 'EIO',
  },
  ERR_OVERLAY_REDIRECT_NOT_FOLLOWED: {
    meaning: 'a renamed directory, and `redirect_dir=nofollow`',
    remedy: "mount with `redirectDir: 'follow'` or `'on'`",
    seen: 'EPERM',
  },
  ERR_OVERLAY_READ_ONLY_VIEW: {
    meaning: 'the overlay has no upper',
    remedy: 'mount with an upper',
    seen: 'EROFS',
  },
  ERR_OVERLAY_READ_ONLY_MOUNT: {
    meaning: 'the mount has the attribute `readOnly`, from the start or by a remount',
    remedy: '`remount(target, { readOnly: false })`',
    seen: 'EROFS',
  },
  ERR_OVERLAY_READ_ONLY: {
    meaning: 'the overlay as a whole is read-only, though it has an upper',
    remedy: 'mount it again; if the kernel did it, a new empty work directory helps',
    seen: 'EROFS',
  },
  ERR_OVERLAY_UPPER_REMOVED: {
    meaning: 'the upper was removed under the overlay',
    remedy: 'unmount, and mount with a new upper and work directory',
    seen: 'ENOENT',
  },
  ERR_OVERLAY_QUOTA: {
    meaning: "a quota on the upper's filesystem is used up",
    remedy: 'raise the quota, or remove something from the upper',
    seen: 'EDQUOT',
  },
  ERR_OVERLAY_PROGRAM_RUNS: {
    meaning: 'a process, which is named, runs the file as its program',
    remedy: 'write a new file and rename it over that, or end the process',
    seen: 'ETXTBSY',
  },
  ERR_OVERLAY_IMMUTABLE: {
    meaning: 'the file or its directory is immutable or append-only in its layer',
    remedy: '`chattr -i` in the layer, while the overlay is not mounted',
    seen: 'EPERM',
  },
  ERR_OVERLAY_UNMAPPED_OWNER: {
    meaning: 'in a user namespace, the owner of the file is not mapped',
    remedy: 'map that id too, or give the layer to an id that is mapped',
    seen: 'EOVERFLOW, EPERM, EACCES',
  },
  ERR_OVERLAY_NOT_PERMITTED: {
    meaning:
      'owner and mode of the file, or of its directory, forbid it to this user, as without the overlay',
    remedy: 'run as the owner or as root, or change the permissions',
    seen: 'EACCES, EPERM',
  },
  ERR_OVERLAY_LAYER_CLOSED: {
    meaning: 'in a user namespace, a lower belongs to an id that is not mapped, and is closed to others',
    remedy: '`chmod o+rx` the directory, or map its owner',
    seen: 'EACCES',
  },
  ERR_OVERLAY_NO_WHITEOUT_BY_HAND: {
    meaning: 'mknod of a whiteout through the merged view',
    remedy: 'delete the name through the overlay, or make the whiteout in the unmounted upper',
    seen: 'EPERM',
  },
  ERR_OVERLAY_DIRECTORY_COPIED: {
    meaning:
      'a directory of the upper was copied with its attributes (`cp -a`), and the index has the original',
    seen: 'EIO',
    remedy: 'remove the copy from the unmounted upper, and copy through the overlay instead',
  },
  ERR_OVERLAY_STALE: {
    meaning:
      'the lower file that a copy in the upper was made of is gone, and `index` or `nfs_export` checks that',
    remedy: 'put the lower back as it was, or start with a new upper and work directory',
    seen: 'ESTALE',
  },
} as const;
