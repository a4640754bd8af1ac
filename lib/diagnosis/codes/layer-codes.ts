// The codes for layers that are read or marked without a mount: overlayfs/layer.

export const LAYER_CODES = {
  ERR_OVERLAY_NOT_IN_OVERLAY: {
    meaning: '`layersAt` of a path that lies in no mounted overlay',
    remedy: '`list()` names those that are mounted; for layers that are not, use `openStack()`',
  },
  ERR_OVERLAY_LAYER_UNKNOWN: {
    meaning: 'the mount table shows a layer of the overlay in a way that does not lead to it',
    remedy: 'name the layers yourself, to `openStack()`',
  },
  ERR_OVERLAY_WHITEOUT_REFUSED: {
    meaning:
      'no device 0:0 can be made there: in an overlay, on a filesystem without device nodes, or before 5.8',
    remedy: "pass `form: 'xattr'`, or make it in the layer's own directory",
  },
  ERR_OVERLAY_LAYER_READ_ONLY: {
    meaning: 'the layer is on something read-only',
    remedy: 'use a directory that can be written',
  },
  ERR_OVERLAY_NO_EXCHANGE: {
    meaning: 'a directory was to be replaced, and its filesystem cannot exchange two names',
    remedy: 'remove the directory first',
  },
  ERR_OVERLAY_REMAINS: {
    meaning:
      'an entry was replaced or removed, and a part of what it was is left, under the name that `path` says',
    remedy: 'remove that name',
  },
  ERR_OVERLAY_BAD_REDIRECT: {
    meaning: 'a redirect that the kernel refuses',
    remedy: 'remove the attribute, or write it anew: an absolute path, or the name of a sibling',
    seen: 'EINVAL, EACCES',
  },
  ERR_OVERLAY_BAD_METACOPY: {
    meaning: 'a metacopy attribute that is too short',
    remedy: 'remove the file or the attribute',
    seen: 'EIO',
  },
  ERR_OVERLAY_ODD_NOTE: {
    meaning:
      'an attribute of the overlay that says nothing it understands; a remark in `findings`, no failure',
    remedy: 'remove the attribute, or look for what wrote it: the layer may be damaged',
  },
  ERR_OVERLAY_WHITEOUT_AT_BOTTOM: {
    meaning: 'a whiteout in the bottom layer, which hides nothing; a remark in `findings`, no failure',
    remedy: 'remove it, or put the layer below that it was made for',
  },
  ERR_OVERLAY_MOUNT_IN_LAYER: {
    meaning:
      'another mount covers something in a layer, and without CAP_SYS_ADMIN what lies under it is not seen',
    remedy: 'run as root, or unmount it',
  },
  ERR_OVERLAY_MOUNT_NOT_CROSSED: {
    meaning: 'another mount in a tree that is compared, which is not entered unless asked',
    remedy: 'compare with `crossMounts: true`, or unmount it',
  },
  ERR_OVERLAY_UNREADABLE: {
    meaning: 'something that this user may not read, or that cannot be read',
    remedy: 'run as a user who may read it',
  },
  ERR_OVERLAY_VANISHED: {
    meaning: 'something that was removed or replaced while it was read',
    remedy: 'read layers while nobody writes to them, or read again',
  },
  ERR_OVERLAY_NOT_SYMLINK: {
    meaning: '`readlink` of something that is no symbolic link',
    remedy: 'ask `lookup()` what it is',
  },
  ERR_OVERLAY_NOT_FILE: {
    meaning: 'something that is no regular file, where one is wanted',
    remedy: 'name a file; `lookup()` of a stack tells what is there',
  },
  ERR_OVERLAY_STACK_CLOSED: {
    meaning: 'the stack has been closed',
    remedy: 'open it again',
  },
} as const;
