// The arguments of every call of the addon, as TypeScript sees them; types only.
import type { StepBytes } from './kernel-error.ts';

/** Path or name: text is passed as UTF-8, bytes as they are. */
export type Text = string | Uint8Array;
/** A descriptor, AT_FDCWD, or the step of a program that gives one. */
export type Fd = number;
type Blob = Uint8Array | StepBytes;

/** Names and argument orders are those of the system calls; see native/mount_calls.h, file_calls.h and ancestry.h. */
export interface CallSignatures {
  fsopen: [type: Text, flags: number];
  fspick: [dir: Fd, path: Text, flags: number];
  fsconfig_set_flag: [context: Fd, key: Text];
  fsconfig_set_string: [context: Fd, key: Text, value: Text];
  fsconfig_set_fd: [context: Fd, key: Text, value: Fd];
  fsconfig_create: [context: Fd];
  fsconfig_reconfigure: [context: Fd];
  fsmount: [context: Fd, flags: number, attributes: number];
  move_mount: [from: Fd, fromPath: Text, to: Fd, toPath: Text, flags: number];
  open_tree: [dir: Fd, path: Text, flags: number];
  mount_setattr: [
    dir: Fd,
    path: Text,
    flags: number,
    set: number | bigint,
    clear: number | bigint,
    propagation: number | bigint,
    userNamespace: Fd,
  ];
  mount: [source: Text, target: Text, type: Text | null, flags: number, data: Text | null];
  umount2: [target: Text, flags: number];
  statmount: [mount: bigint, mask: number, capacity: number];
  listmount: [mount: bigint, after: number | bigint, capacity: number];
  openat: [dir: Fd, path: Text, flags: number, mode: number];
  openat2: [dir: Fd, path: Text, flags: number, mode: number, resolve: number];
  read: [file: Fd, capacity: number];
  write: [file: Fd, bytes: Blob];
  getdents64: [dir: Fd, capacity: number];
  readlinkat: [dir: Fd, path: Text];
  statx: [dir: Fd, path: Text, flags: number, mask: number];
  fstatfs: [file: Fd];
  poll: [file: Fd, events: number];
  lseek: [file: Fd, offset: number, whence: number];
  flock: [file: Fd, operation: number];
  ioctl: [file: Fd, request: number, argument: Uint8Array];
  quotactl_fd: [file: Fd, command: number, id: number, argument: Uint8Array];
  mkdirat: [dir: Fd, path: Text, mode: number];
  symlinkat: [target: Text, dir: Fd, path: Text];
  linkat: [from: Fd, fromPath: Text, to: Fd, toPath: Text, flags: number];
  mknodat: [dir: Fd, path: Text, mode: number, device: number];
  unlinkat: [dir: Fd, path: Text, flags: number];
  renameat2: [from: Fd, fromPath: Text, to: Fd, toPath: Text, flags: number];
  /** Without a path the descriptor itself, which is then none of O_PATH. */
  fchmodat: [dir: Fd, path: Text | null, mode: number];
  fchownat: [dir: Fd, path: Text, owner: number, group: number, flags: number];
  syncfs: [file: Fd];
  fchownat_of: [dir: Fd, path: Text, statx: Blob];
  fchmodat_of: [dir: Fd, path: Text, statx: Blob];
  utimensat_of: [dir: Fd, path: Text | null, statx: Blob, flags: number];
  getxattr: [file: Fd, name: Text];
  listxattr: [file: Fd];
  setxattr: [file: Fd, name: Text, value: Uint8Array, flags: number];
  removexattr: [file: Fd, name: Text];
  name_to_handle_at: [dir: Fd, path: Text, flags: number];
  dup3: [from: Fd, to: Fd, flags: number];
  list_in_time: [paths: Blob, milliseconds: number];
  pipe2: [flags: number];
  scan_directory: [dir: Fd, prefixes: Uint8Array, room: number];
  scan_entries: [dir: Fd, names: Uint8Array, prefixes: Uint8Array, room: number];
  require_subset: [numbers: Blob, allowed: Blob];
  require_other_file: [statx: Blob, identities: Blob];
  require_at: [bytes: Blob, offset: number, expected: Blob];
  require_absent: [bytes: Blob, text: Blob];
  require_bits_clear: [bytes: Blob, offset: number, bits: number | bigint];
  ancestors: [dir: Fd, before: Blob];
  require_disjoint: [some: Blob, others: Blob];
  require_outside: [paths: Blob, never: Blob, around: Blob];
}

/** With those that leave a namespace, for a program in a child; see native/namespace_child.h and guardian.h. */
export interface StepSignatures extends CallSignatures {
  unshare: [flags: number];
  setns: [namespace: Fd, type: number];
  chdir: [path: Text];
  execve: [path: Text, arguments_: Blob, environment: Blob];
}

type Bytes =
  | 'statmount'
  | 'listmount'
  | 'read'
  | 'getdents64'
  | 'readlinkat'
  | 'statx'
  | 'fstatfs'
  | 'ioctl'
  | 'quotactl_fd'
  | 'getxattr'
  | 'listxattr'
  | 'scan_directory'
  | 'scan_entries'
  | 'ancestors'
  | 'list_in_time'
  | 'poll';
type Descriptors = 'pipe2' | 'fsopen' | 'fspick' | 'fsmount' | 'open_tree' | 'openat' | 'openat2';

/** What a call gives when made by itself. */
export type CallResult<K extends keyof CallSignatures> = K extends Bytes
  ? Buffer
  : K extends Descriptors
    ? number
    : undefined;
