// What one entry of a tar archive says, in the words of the filesystem it came from; bytes stay bytes.

export type EntryType = 'file' | 'hardlink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo';

/** An extended attribute; its value may be empty, and its name hold any byte but NUL. */
export interface Xattr {
  readonly name: Buffer;
  readonly value: Buffer;
}

/** A stretch of a sparse file that is stored, in bytes; what lies between is a hole. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

export interface TarEntry {
  /** As stored: `./a`, `/a` and `a/` are possible. */
  readonly name: Buffer;
  readonly type: EntryType;
  /** Permissions with the set-id and sticky bits: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The owner's name, often empty. */
  readonly uname: Buffer;
  readonly gname: Buffer;
  /** Nanoseconds since 1970, negative before. */
  readonly mtime: bigint;
  /** Bytes of a file's content with its holes; 0 for what is no file. */
  readonly size: number;
  /** Where a symbolic link leads, or the name of the entry that a hard link is another name of; else empty. */
  readonly linkname: Buffer;
  /** 0:0 for what is no device. */
  readonly device: DeviceNumber;
  readonly xattrs: readonly Xattr[];
  /** What of the content is stored, in order and without overlap; absent when all of it is. */
  readonly extents?: readonly Extent[];
}
