// The metacopy attribute: this file has its metadata here and its content in a layer below, perhaps with a digest of it.
//
// Source: struct ovl_metacopy of fs/overlayfs/overlayfs.h; Documentation/filesystems/overlayfs.rst, "fs-verity support".

const HEADER = 4;
const LARGEST_DIGEST = 64;

// include/uapi/linux/fsverity.h
const ALGORITHMS = ['none', 'sha256', 'sha512'] as const;
export type DigestAlgorithm = (typeof ALGORITHMS)[number];

export interface Metacopy {
  readonly version: number;
  readonly flags: number;
  /** How the content's fs-verity digest is made: a name, or the number of an algorithm that is not known here. */
  readonly algorithm: DigestAlgorithm | number;
  /** Empty when there is none. */
  readonly digest: Buffer;
  /** False: with the option verity the kernel refuses it (EIO), and without follows it all the same. */
  readonly sound: boolean;
}

/** Decodes the attribute's value; undefined for one that the kernel refuses (EIO), since it is too short. */
export function decodeMetacopy(value: Uint8Array): Metacopy | undefined {
  if (value.length === 0)
    return { version: 0, flags: 0, algorithm: 'none', digest: Buffer.alloc(0), sound: true };
  if (value.length < HEADER) return undefined;
  const [version, length, flags, algorithm] = value as unknown as [number, number, number, number];
  return {
    version,
    flags,
    algorithm: ALGORITHMS[algorithm] ?? algorithm,
    digest: Buffer.from(value.subarray(HEADER)),
    sound: version === 0 && length === value.length && value.length <= HEADER + LARGEST_DIGEST,
  };
}

/** The attribute's value; empty when there is nothing to say, as the kernel writes it. */
export function encodeMetacopy(metacopy: Omit<Metacopy, 'sound'>): Buffer {
  const { version, flags, digest } = metacopy;
  const algorithm =
    typeof metacopy.algorithm === 'number' ? metacopy.algorithm : ALGORITHMS.indexOf(metacopy.algorithm);
  if (version === 0 && flags === 0 && algorithm === 0 && digest.length === 0) return Buffer.alloc(0);
  return Buffer.concat([Buffer.from([version, HEADER + digest.length, flags, algorithm]), digest]);
}
