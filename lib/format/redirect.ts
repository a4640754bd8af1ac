// The redirect attribute: under which other name the layers below have what this directory, or this metadata, is about.
//
// Source: Documentation/filesystems/overlayfs.rst, "Redirect directories"; ovl_get_redirect_xattr of fs/overlayfs/util.c.

import { asLatin1 } from './path-bytes.ts';

const SLASH = 0x2f;

/** Names are bytes, written one character a byte (latin1). */
export interface Redirect {
  /** From the root of the overlay; otherwise a sibling's name. */
  readonly absolute: boolean;
  /** One name when it is not absolute. Each may be one that {@link leadsElsewhere}. */
  readonly names: readonly string[];
}

/** Why the kernel refuses the value where it reads it, with EINVAL. */
export interface InvalidRedirect {
  readonly invalid: string;
}

/**
 * Whether the kernel refuses a name of a redirect with EACCES. It does so when it looks for it in a layer below: where
 * none is left, or the directory before it is not there, it never gets to it.
 */
export function leadsElsewhere(name: string): boolean {
  return name === '' || name === '.' || name === '..';
}

const invalid = (reason: string): InvalidRedirect => ({ invalid: reason });

/** Reads the attribute's value as the kernel does: what follows a NUL byte does not count. */
export function decodeRedirect(value: Uint8Array): Redirect | InvalidRedirect {
  if (value.length === 0) return invalid('it is empty');
  const text = asLatin1(value);
  const nul = text.indexOf('\0');
  const path = nul < 0 ? text : text.slice(0, nul);
  const absolute = path.charCodeAt(0) === SLASH;
  const names = absolute ? path.slice(1).split('/') : [path];
  if (absolute && names.includes('')) return invalid('it has an empty name between slashes, or at its end');
  if (!absolute && path.includes('/')) return invalid('it has a slash, but does not begin with one');
  return { absolute, names };
}

/** The attribute's value. */
export function encodeRedirect({ absolute, names }: Redirect): Buffer {
  return Buffer.from((absolute ? '/' : '') + names.join('/'), 'latin1');
}
