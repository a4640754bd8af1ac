// Owners that an ordinary user cannot give, written down in an attribute: that of umoci, runrootless and PRoot.
//
// Source: https://rootlesscontaine.rs, "user.rootlesscontainers": a protobuf message of uid (1) and gid (2).

export const ROOTLESS_XATTR = 'user.rootlesscontainers';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const VARINT_FIELDS = { uid: 0x08, gid: 0x10 } as const;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

/** Fields that are 0 are left out, as protobuf does. */
export function encodeOwner(owner: Owner): Buffer {
  const field = (name: 'uid' | 'gid') =>
    owner[name] === 0 ? [] : [VARINT_FIELDS[name], ...varint(owner[name])];
  return Buffer.from([...field('uid'), ...field('gid')]);
}

/** Undefined for what is no such message. */
export function decodeOwner(bytes: Uint8Array): Owner | undefined {
  const owner = { uid: 0, gid: 0 };
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at++];
    const name = tag === VARINT_FIELDS.uid ? 'uid' : tag === VARINT_FIELDS.gid ? 'gid' : undefined;
    if (name === undefined) return undefined;
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || factor > 2 ** 28) return undefined;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    if (value > 0xffff_ffff) return undefined;
    owner[name] = value;
  }
  return owner;
}
