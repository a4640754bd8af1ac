// What an entry of a layer looks like in an archive.

import { opaqueName, whiteoutName } from '../format/oci/whiteout-name.ts';
import { type Dialect, nameInOverlay } from '../format/overlay-xattr.ts';
import type { EntryType, Xattr } from '../format/tar/entry.ts';
import type { WritableEntry } from '../format/tar/writer.ts';
import { decodeOwner, ROOTLESS_XATTR } from './rootless.ts';

const NOTHING = Buffer.alloc(0);
const OF_THE_HOST = /^(?:security\.(?:selinux|ima|evm)|system\.nfs4_acl)$/;

export interface PackRules {
  /** Nothing is younger, in nanoseconds since 1970. */
  readonly clampTime: bigint | undefined;
  /** Files of this user are root's, or of whom `user.rootlesscontainers` names. */
  readonly rootless: boolean;
}

/** What is known of a file, in words of statx(2). */
export interface Known {
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: bigint;
  readonly size: number;
  readonly rdev: { readonly major: number; readonly minor: number };
  /** As a mounted overlay shows them; names as latin1 text. */
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

/** Attributes as an overlay of the dialect shows them: without its own, others unescaped. */
export function shownXattrs(xattrs: ReadonlyMap<string, Buffer>, dialect: Dialect): Map<string, Buffer> {
  const shown = new Map<string, Buffer>();
  for (const [name, value] of xattrs) {
    const own = nameInOverlay(name, dialect);
    if (own !== undefined) shown.set(own, value);
  }
  return shown;
}

function ownerOf({ uid, gid, xattrs }: Known, { rootless }: PackRules): { uid: number; gid: number } {
  if (!rootless) return { uid, gid };
  const recorded = xattrs.get(ROOTLESS_XATTR);
  const owner = recorded && decodeOwner(recorded);
  return owner ?? { uid: uid === process.geteuid!() ? 0 : uid, gid: gid === process.getegid!() ? 0 : gid };
}

/** @param linkname where a symbolic or hard link leads */
export function packedEntry(path: string, known: Known, rules: PackRules, linkname: Buffer): WritableEntry {
  const { type, mode, mtime, rdev, size } = known;
  const xattrs: Xattr[] = [];
  for (const [name, value] of known.xattrs) {
    if (OF_THE_HOST.test(name) || (rules.rootless && name === ROOTLESS_XATTR)) continue;
    xattrs.push({ name: Buffer.from(name, 'latin1'), value });
  }
  const { clampTime } = rules;
  return {
    name: Buffer.from(path === '' ? '.' : path, 'latin1'),
    type,
    mode: mode & 0o7777,
    ...ownerOf(known, rules),
    uname: NOTHING,
    gname: NOTHING,
    mtime: clampTime !== undefined && mtime > clampTime ? clampTime : mtime,
    size: type === 'file' ? size : 0,
    linkname,
    device: type === 'character' || type === 'block' ? rdev : { major: 0, minor: 0 },
    // What a hard link leads to has them.
    xattrs: type === 'hardlink' ? [] : xattrs,
  };
}

const MARK = {
  type: 'file',
  mode: 0,
  uid: 0,
  gid: 0,
  uname: NOTHING,
  gname: NOTHING,
  mtime: 0n,
  size: 0,
  linkname: NOTHING,
  device: { major: 0, minor: 0 },
  xattrs: [],
} as const;

/** The entry that deletes a path of lower layers. */
export function whiteoutEntry(path: string): WritableEntry {
  return { ...MARK, name: whiteoutName(Buffer.from(path, 'latin1')) };
}

/** The entry that deletes all that lower layers have in a directory. */
export function opaqueEntry(path: string): WritableEntry {
  return { ...MARK, name: opaqueName(Buffer.from(path, 'latin1')) };
}

/** A root directory that says nothing has no entry: so unpacking and packing a layer without one gives the same. */
export function saysNothing({ mode, uid, gid, mtime, xattrs }: WritableEntry): boolean {
  return mode === 0o755 && uid === 0 && gid === 0 && mtime === 0n && xattrs.length === 0;
}
