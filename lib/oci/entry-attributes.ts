// What of an entry's attributes a directory can hold: overlay's own are escaped, and what this user may not set is left out.

import { type Dialect, nameInLayer, XATTR_NAME_MAX } from '../format/overlay-xattr.ts';
import { latin1ToPath } from '../format/path-bytes.ts';
import type { TarEntry } from '../format/tar/entry.ts';
import type { Dropped } from './dropped.ts';
import { encodeOwner, ROOTLESS_XATTR } from './rootless.ts';
import type { Attributes } from './tree.ts';

export interface AttributeRules {
  /** Overlay's own are escaped for a layer of this dialect; absent for a plain directory, where none is special. */
  readonly escape: Dialect | undefined;
  /** Owners are written down instead of given, and only `user.` attributes are set. */
  readonly rootless: boolean;
}

// Of this machine, its filesystem or its policy, and not of the content; other tools leave them out as well.
const OF_THE_HOST: ReadonlySet<string> = new Set([
  'security.selinux',
  'security.ima',
  'security.evm',
  'system.nfs4_acl',
]);
const NAMESPACES = /^(?:user|trusted|security|system)\../;
// The others cannot have user.* attributes (xattr(7)).
const HOLDERS: ReadonlySet<TarEntry['type']> = new Set(['file', 'directory']);

function reasonAgainst(name: string, entry: TarEntry, { rootless }: AttributeRules): string | undefined {
  if (OF_THE_HOST.has(name)) return 'it belongs to the machine that made the layer';
  if (!NAMESPACES.test(name)) return 'Linux has no such namespace of attributes';
  if (name.length > XATTR_NAME_MAX) return 'its name is too long';
  if (name.startsWith('user.') && !HOLDERS.has(entry.type)) return 'only files and directories can have it';
  if (rootless && /^(?:trusted|security)\./.test(name)) return 'only root may set it';
  return undefined;
}

/** Adds what is left out to `dropped`. */
export function attributesOf(
  entry: TarEntry,
  path: string,
  rules: AttributeRules,
  dropped: (dropped: Dropped) => void,
): Attributes {
  const { mode, uid, gid, mtime, device } = entry;
  const xattrs: (readonly [string, Buffer])[] = [];
  const drop = (what: Dropped['what'], why: string) => dropped({ path: latin1ToPath(path), what, why });
  for (const { name, value } of entry.xattrs) {
    const text = name.toString('latin1');
    const reason = reasonAgainst(text, entry, rules);
    const stored = rules.escape === undefined ? text : nameInLayer(text, rules.escape);
    if (reason !== undefined || stored === undefined)
      drop(`xattr:${text}`, reason ?? 'its name is too long for the escape of a nested overlay');
    else xattrs.push([stored, value]);
  }
  if (rules.rootless && (uid !== 0 || gid !== 0)) {
    if (HOLDERS.has(entry.type)) xattrs.push([ROOTLESS_XATTR, encodeOwner({ uid, gid })]);
    else
      drop('owner', `only root may give it to ${uid}:${gid}, and it cannot have the attribute that says so`);
  }
  return { mode, uid, gid, mtime, device, xattrs };
}
