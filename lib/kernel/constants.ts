// The numbers of the kernel's interface that the calls take, by their names in the kernel's headers.

// linux/fcntl.h, asm-generic/fcntl.h. O_DIRECTORY and O_NOFOLLOW differ on arm and powerpc.
const swapped = process.arch === 'arm' || process.arch === 'arm64' || process.arch === 'ppc64';
export const AT_FDCWD = -100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;
export const AT_STATX_DONT_SYNC = 0x4000;
export const AT_RECURSIVE = 0x8000;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY: number = swapped ? 0o40000 : 0o200000;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_NOFOLLOW: number = swapped ? 0o100000 : 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_SYNC = 0o4010000;
export const O_PATH = 0o10000000;
export const O_TMPFILE: number = 0o20000000 | O_DIRECTORY;

// unistd.h
export const SEEK_END = 2;

// linux/openat2.h
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;

// linux/mount.h
export { LSMT_ROOT } from '../format/statmount.ts';
export const FSOPEN_CLOEXEC = 1;
export const FSMOUNT_CLOEXEC = 1;
export const MOVE_MOUNT_F_EMPTY_PATH = 0x04;
export const MOVE_MOUNT_T_SYMLINKS = 0x10;
export const MOUNT_ATTR_RDONLY = 1;
export const OPEN_TREE_CLONE = 1;
export const OPEN_TREE_CLOEXEC = 0o2000000;
export const MS_RDONLY = 1;
export const MS_REMOUNT = 32;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_PRIVATE: number = 1 << 18;
export const MS_SLAVE: number = 1 << 19;

// sys/mount.h
export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

// linux/stat.h
export const STATX_TYPE = 0x1;
export const STATX_MODE = 0x2;
export const STATX_INO = 0x100;
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_BTIME = 0x800;
export const STATX_MNT_ID = 0x1000;
export const STATX_MNT_ID_UNIQUE = 0x4000;
export const STATX_ATTR_IMMUTABLE = 0x10;
export const STATX_ATTR_APPEND = 0x20;
export const STATX_ATTR_MOUNT_ROOT = 0x2000;

// sys/file.h
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

// linux/sched.h
export const CLONE_FILES = 0x400;
export const CLONE_NEWNS = 0x0002_0000;
export const CLONE_NEWUSER = 0x1000_0000;

// statfs(2)
export const ST_RDONLY = 1;
export const ST_NOSYMFOLLOW = 0x2000;
export const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
export const PROC_SUPER_MAGIC = 0x9fa0;
export const FUSE_SUPER_MAGIC = 0x65735546;

// sys/stat.h
export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFBLK = 0o060000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFIFO = 0o010000;
export const S_ISVTX = 0o1000;
export const S_IWOTH = 0o002;

// linux/fs.h
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
export const RENAME_WHITEOUT = 4;
// The number of an ioctl(2) holds which way its structure goes, in the bits above these, and how large it is. powerpc
// counts the ways otherwise (asm/ioctl.h).
const OUT_OF_KERNEL = process.arch === 'ppc64' ? 0x4000_0000 : 0x8000_0000;
// long, of which the kernel fills the first four bytes.
const LONG = process.arch === 'arm' ? 4 : 8;
export const FS_IOC_GETFLAGS: number = OUT_OF_KERNEL + ((LONG << 16) | 0x6601);
export const FS_IOC_FSGETXATTR: number = OUT_OF_KERNEL + 0x1c_581f;
export const FS_IOC_GETFSUUID: number = OUT_OF_KERNEL + 0x11_1500;
export const FS_CASEFOLD_FL = 0x4000_0000;
export const FS_XFLAG_PROJINHERIT = 0x200;

/** The magic link of one of this process's descriptors. */
export function procPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}
