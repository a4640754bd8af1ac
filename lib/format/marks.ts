// The small notes of overlay: opaque, whiteout, impure, nlink, protattr, uuid.
//
// Source: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"; fs/overlayfs/util.c and inode.c.

const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;
const S_IFREG = 0o100000;

/** What a directory's `opaque` says: it hides all below, or it may hold whiteouts in the attribute form (Linux 6.7). */
export type Opaque = 'opaque' | 'whiteouts';

/** Undefined for any other value, which the kernel takes for none. */
export function decodeOpaque(value: Uint8Array | undefined): Opaque | undefined {
  if (value?.length !== 1) return undefined;
  return value[0] === 0x79 ? 'opaque' : value[0] === 0x78 ? 'whiteouts' : undefined;
}

/** The value of the attribute `opaque`. */
export function encodeOpaque(opaque: Opaque): Buffer {
  return Buffer.from(opaque === 'opaque' ? 'y' : 'x');
}

/** What must be known of an entry to see a whiteout in it. */
export interface WhiteoutSigns {
  /** With the type's bits. */
  readonly mode: number;
  readonly rdev: { readonly major: number; readonly minor: number };
  readonly size: number | bigint;
  /** The attribute `whiteout`, whatever its value, is there. */
  readonly marked: boolean;
}

/** In which form an entry says that its name is deleted; undefined when it says nothing of the kind. */
export function whiteoutForm({ mode, rdev, size, marked }: WhiteoutSigns): 'device' | 'xattr' | undefined {
  const type = mode & S_IFMT;
  if (type === S_IFCHR && rdev.major === 0 && rdev.minor === 0) return 'device';
  return marked && type === S_IFREG && Number(size) === 0 ? 'xattr' : undefined;
}

/** Whether a directory's `impure` says that entries in it have been copied up. */
export function decodeImpure(value: Uint8Array | undefined): boolean {
  return value?.length === 1 && value[0] === 0x79;
}

/** How many links an indexed file has in the overlay: so many more than the lower's or the upper's inode has. */
export interface LinkCount {
  readonly relativeTo: 'lower' | 'upper';
  readonly difference: number;
}

/** Undefined for a value that the kernel does not take. */
export function decodeNlink(value: Uint8Array): LinkCount | undefined {
  const match = /^([LU])([+-]\d{1,10})$/.exec(Buffer.from(value).toString('latin1'));
  if (match === null) return undefined;
  const difference = Number(match[2]);
  if (difference > 0x7fff_ffff || difference < -0x8000_0000) return undefined;
  return { relativeTo: match[1] === 'L' ? 'lower' : 'upper', difference: difference + 0 };
}

/** The value of the attribute `nlink`: `U+1`. */
export function encodeNlink({ relativeTo, difference }: LinkCount): Buffer {
  return Buffer.from(`${relativeTo === 'lower' ? 'L' : 'U'}${difference < 0 ? '' : '+'}${difference}`);
}

/** The flags of chattr(1) that the file has in the overlay, though its upper file cannot have them. */
export interface ProtectedAttributes {
  readonly append: boolean;
  readonly immutable: boolean;
}

/** Undefined for a value that the kernel does not take. */
export function decodeProtattr(value: Uint8Array): ProtectedAttributes | undefined {
  const text = Buffer.from(value).toString('latin1');
  return /^[ai]+$/.test(text) ? { append: text.includes('a'), immutable: text.includes('i') } : undefined;
}

/** The value of the attribute `protattr`. */
export function encodeProtattr({ append, immutable }: ProtectedAttributes): Buffer {
  return Buffer.from(`${append ? 'a' : ''}${immutable ? 'i' : ''}`);
}

const UUID_BYTES = 16;

/** The attribute `uuid` at the upper's root, which is the overlay's file system id with uuid=on; undefined for another length. */
export function decodeUuid(value: Uint8Array): string | undefined {
  if (value.length !== UUID_BYTES) return undefined;
  const digits = Buffer.from(value).toString('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The value of the attribute `uuid`. */
export function encodeUuid(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
