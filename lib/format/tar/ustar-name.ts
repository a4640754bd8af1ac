// How names go into the fields of a ustar header, and which name an extended header gets, as Go's archive/tar does both.
//
// containerd, umoci, podman and Docker write layers by it, so an equal choice gives equal digests.
import { FIELDS } from './header.ts';

const SLASH = 0x2f;
const NAME_WIDTH: number = FIELDS.name[1] - FIELDS.name[0];
const PREFIX_WIDTH: number = FIELDS.prefix[1] - FIELDS.prefix[0];

export function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}

/** What of the bytes is ASCII: headers beside pax records hold nothing else. */
export function asciiOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.filter((byte) => byte < 0x80));
}

/** A name of more than 100 bytes, split at a slash for the fields `prefix` and `name`; undefined when it cannot be. */
export function splitName(name: Buffer): { readonly prefix: Buffer; readonly name: Buffer } | undefined {
  if (name.length <= NAME_WIDTH || !isAscii(name)) return undefined;
  let end = name.length;
  if (end > PREFIX_WIDTH + 1) end = PREFIX_WIDTH + 1;
  else if (name[end - 1] === SLASH) end--;
  const slash = name.subarray(0, end).lastIndexOf(SLASH);
  const rest = name.subarray(slash + 1);
  if (slash <= 0 || rest.length === 0 || rest.length > NAME_WIDTH) return undefined;
  return { prefix: name.subarray(0, slash), name: rest };
}

/** The shortest form of a path, by its text alone. */
function cleaned(path: string): string {
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!rooted) parts.push(part);
  }
  return `${rooted ? '/' : ''}${parts.join('/')}` || '.';
}

/** The name of the extended header before an entry: `PaxHeaders.0` beside it. Nobody reads it. */
export function extendedHeaderName(name: Buffer): Buffer {
  const text = name.toString('latin1');
  const slash = text.lastIndexOf('/') + 1;
  const path = cleaned(`${text.slice(0, slash)}PaxHeaders.0/${text.slice(slash)}`);
  const ascii = asciiOf(Buffer.from(path, 'latin1'));
  return Buffer.from(ascii.toString('latin1', 0, NAME_WIDTH).replace(/\/+$/, ''), 'latin1');
}
