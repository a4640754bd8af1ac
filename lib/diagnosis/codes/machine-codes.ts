// The codes for what the process may not do, what the kernel lacks, and what has run out.

export const MACHINE_CODES = {
  ERR_OVERLAY_NO_ANSWER: {
    meaning:
      'a directory lies where nobody answers, as on FUSE whose server has stopped or on a server of the network that is gone: a mount of it would wait',
    remedy: 'see to the server, or end its mount (`umount --lazy`)',
  },
  ERR_OVERLAY_NO_PRIVILEGE: {
    meaning: 'the process has no CAP_SYS_ADMIN',
    remedy: 'run as root, or in a user namespace (`unshare -Urm`)',
  },
  ERR_OVERLAY_NAMESPACES_FORBIDDEN: {
    meaning:
      'rootless: a setting (named), the kernel, a chroot or a filter keeps this process from a user namespace',
    remedy: 'change the setting that the hint names, or mount as root',
  },
  ERR_OVERLAY_NAMESPACE_LIMIT: {
    meaning:
      'rootless: as many namespaces are in use as `user.max_user_namespaces` or `user.max_mnt_namespaces` allows',
    remedy: 'raise the limit, or end processes that have namespaces',
  },
  ERR_OVERLAY_NOT_DUMPABLE: {
    meaning: 'rootless: the process may not map its ids, since it is not dumpable, as after `setuid`',
    remedy: 'start a process as that user, instead of becoming that user',
  },
  ERR_OVERLAY_NO_PROC: {
    meaning:
      '/proc is not mounted, and what has been asked for needs it: rootless, layers, images, stores, `run`',
    remedy: '`mount -t proc proc /proc`',
  },
  ERR_OVERLAY_NO_CHILD: {
    meaning: 'rootless: no child process can be made',
    remedy: 'raise the limit that the hint names',
  },
  ERR_OVERLAY_NO_ID_RANGES: {
    meaning: "`rootless: 'ranges'`: /etc/subuid or /etc/subgid has no entry for this user",
    remedy: '`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER` as root',
  },
  ERR_OVERLAY_NO_ID_HELPER: {
    meaning: "`rootless: 'ranges'`: newuidmap or newgidmap is not installed",
    remedy: "install Debian's package uidmap, elsewhere shadow-utils",
  },
  ERR_OVERLAY_ID_HELPER_FAILED: {
    meaning: "`rootless: 'ranges'`: newuidmap or newgidmap has refused, in its own words",
    remedy: 'do what the hint says',
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
  ERR_OVERLAY_STALE_ADDON: {
    meaning: 'the addon was built from older sources than the library (thrown by the import, a plain Error)',
    remedy: 'install the package anew, or run the command of the message',
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
  ERR_OVERLAY_NOT_TAKEN_BACK: {
    meaning:
      'a mount failed when it was in its place already, and could not be unmounted again: it is still there',
    remedy: '`overlayfs umount TARGET`',
  },
  ERR_OVERLAY_UNEXPLAINED: {
    meaning: 'the kernel refused, and nothing that was looked at is wrong',
    remedy: "look at `cause`, which has the call, and at the driver's words in `dmesg`",
  },
} as const;
