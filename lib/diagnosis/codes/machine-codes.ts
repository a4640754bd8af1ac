// The codes for what the process may not do, what the kernel lacks, and what has run out.

export const MACHINE_CODES = {
  ERR_OVERLAY_NO_PRIVILEGE: {
    meaning: 'the process has no CAP_SYS_ADMIN',
    remedy: 'run as root, or in a user namespace (`unshare -Urm`)',
  },
  ERR_OVERLAY_NO_DRIVER: {
    meaning: 'the kernel does not list the overlay filesystem',
    remedy: '`modprobe overlay` as root, or a kernel with CONFIG_OVERLAY_FS',
  },
  ERR_OVERLAY_NO_WAY: {
    meaning: 'no way to hand these layers to this kernel, or none of the forced family',
    remedy: "shorter paths, fewer layers, or `via: 'auto'`",
  },
  ERR_OVERLAY_TOO_LONG: {
    meaning: 'too many layers for mount(2), on a kernel that has nothing else',
    remedy: 'fewer layers, or Linux 6.8 and newer',
  },
  ERR_OVERLAY_KERNEL_TEXT: {
    meaning: "the kernel's mount table has a form that this release does not know",
    remedy: 'report it, with the line that the message shows',
  },
  ERR_OVERLAY_NO_ADDON: {
    meaning: 'no addon for this machine (thrown by the import, a plain Error)',
    remedy: 'run the command of the message, which builds it',
  },
  ERR_OVERLAY_TOO_MANY_OPEN_FILES: {
    meaning: 'the process may not open enough descriptors',
    remedy: 'close some, or raise the limit (`ulimit -n`)',
  },
  ERR_OVERLAY_TOO_MANY_MOUNTS: {
    meaning: 'the mount namespace has as many mounts as `fs.mount-max` allows',
    remedy: 'unmount some, or raise `/proc/sys/fs/mount-max`',
  },
  ERR_OVERLAY_NO_SPACE: {
    meaning: "the upper's filesystem has no room or no inodes left",
    remedy: 'free some, or put upper and work on another filesystem',
  },
  ERR_OVERLAY_UNEXPLAINED: {
    meaning: 'the kernel refused, and nothing that was looked at is wrong',
    remedy: "look at `cause`, which has the call, and at the driver's words in `dmesg`",
  },
} as const;
