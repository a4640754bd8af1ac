// The codes for what cannot be done with an overlay that is mounted, or was.

export const LIVE_CODES = {
  ERR_OVERLAY_NOT_MOUNTED: {
    meaning: 'what is to be unmounted is no mount point of an overlay',
    remedy: '`list()` names the overlays that are mounted',
    seen: '`not mounted.`',
  },
  ERR_OVERLAY_BUSY: {
    meaning: 'somebody uses it: the message names processes with what they hold, and mounts in it',
    remedy: 'end or leave what keeps it busy; `lazy: true` takes it out of sight now',
    seen: '`target is busy.`',
  },
  ERR_OVERLAY_IN_DETACHED: {
    meaning: 'it is mounted in a detached overlay, out of which the kernel takes no single mount',
    remedy: 'unmount the detached overlay, or attach that first',
  },
  ERR_OVERLAY_MOUNT_LOCKED: {
    meaning: 'it was mounted outside of this user namespace, which may not unmount it',
    remedy: 'unmount it where it was mounted',
    seen: '`not mounted.`',
  },
  ERR_OVERLAY_WORK_LEFT: {
    meaning: 'the overlay has ended, and the work directory made for it could not be removed',
    remedy: 'remove it yourself',
  },
  ERR_OVERLAY_COVERED: {
    meaning: 'another mount lies on top',
    remedy: 'unmount what was mounted on it first',
    seen: '*nothing: it unmounts the other*',
  },
  ERR_OVERLAY_ATTACHED: {
    meaning: 'it is attached already',
    remedy: 'unmount it there and mount it anew',
  },
  ERR_OVERLAY_NOT_ATTACHABLE: {
    meaning: 'made by mount(2) without open_tree(2), so that it cannot be attached',
    remedy: 'mount it with a `target`',
  },
  ERR_OVERLAY_ENDED: {
    meaning: 'it has been unmounted',
    remedy: 'use it before `unmount()`, or mount again',
  },
  ERR_OVERLAY_RESETTING: {
    meaning: 'the overlay of `scratch` is being reset',
    remedy: 'await `reset()` first',
  },
  ERR_OVERLAY_EXISTS: {
    meaning: 'the directory that `keep` is to write exists',
    remedy: 'name one that does not exist',
  },
  ERR_OVERLAY_KEPT_INSIDE: {
    meaning: 'the directory that `keep` is to write lies in the overlay, or in a lower of it',
    remedy: 'name a place outside of both',
  },
  ERR_OVERLAY_OWNER_NOT_KEPT: {
    meaning: 'this user may not give a file to its owner, or set an attribute that it has',
    remedy: "keep it as root, or with `owners: 'mine'`",
  },
} as const;
