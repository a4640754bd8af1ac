// The file handle in origin, upper and the names of an index: which inode of which filesystem a note is about.
//
// Source: struct ovl_fb of fs/overlayfs/overlayfs.h, ovl_check_fb_len of fs/overlayfs/namei.c.

// version, magic, length, flags, type, uuid[16], then the handle.
const MAGIC = 0xfb;
const UUID = 5;
const HEADER = 21;
const BIG_ENDIAN = 1;
const ANY_ENDIAN = 2;
const PATH_UPPER = 4;
const KNOWN_FLAGS = BIG_ENDIAN | ANY_ENDIAN | PATH_UPPER;

export interface FileHandle {
  /** How the filesystem encoded it (linux/exportfs.h). */
  readonly type: number;
  /** Of the filesystem, 16 bytes; all zero with uuid=null or off. */
  readonly uuid: Buffer;
  /** The filesystem's own bytes. */
  readonly handle: Buffer;
  /** Byte order of a machine that is big-endian, or of none. */
  readonly order: 'little' | 'big' | 'any';
  /** It names something of the upper. */
  readonly upper: boolean;
}

/** `'unknown'`: valid, and the kernel takes it for no origin (empty, of a later version, with flags that are not known). */
export function decodeFileHandle(value: Uint8Array): FileHandle | 'unknown' | undefined {
  if (value.length === 0) return 'unknown';
  const [version, magic, length, flags, type] = value as unknown as [number, number, number, number, number];
  if (value.length < HEADER || length < HEADER || value.length < length || magic !== MAGIC) return undefined;
  if (version > 0 || (flags & ~KNOWN_FLAGS) !== 0) return 'unknown';
  return {
    type,
    uuid: Buffer.from(value.subarray(UUID, HEADER)),
    handle: Buffer.from(value.subarray(HEADER, length)),
    order: flags & ANY_ENDIAN ? 'any' : flags & BIG_ENDIAN ? 'big' : 'little',
    upper: (flags & PATH_UPPER) !== 0,
  };
}

/** The attribute's value. */
export function encodeFileHandle({ type, uuid, handle, order, upper }: FileHandle): Buffer {
  const flags = (order === 'any' ? ANY_ENDIAN : order === 'big' ? BIG_ENDIAN : 0) | (upper ? PATH_UPPER : 0);
  const header = Buffer.from([0, MAGIC, HEADER + handle.length, flags, type]);
  return Buffer.concat([header, uuid, handle]);
}

/** The name in the work directory's `index` for what a handle names. */
export function indexName(handle: FileHandle): string {
  return encodeFileHandle(handle).toString('hex');
}

/** What a name in the index is about; undefined for another kind of name. */
export function parseIndexName(name: string): FileHandle | undefined {
  if (!/^(?:[0-9a-f]{2})+$/.test(name)) return undefined;
  const decoded = decodeFileHandle(Buffer.from(name, 'hex'));
  return decoded === 'unknown' ? undefined : decoded;
}
