// The names of overlay's own extended attributes: two namespaces, and one level of escaping for each overlay on an overlay.
//
// Source: Documentation/filesystems/overlayfs.rst, "Nesting overlayfs mounts"; fs/overlayfs/xattrs.c.

/** Which namespace holds the notes: `trusted.overlay.*`, or `user.overlay.*` with the option userxattr. Exactly one counts. */
export type Dialect = 'trusted' | 'user';

/** The notes that the kernel knows. `whiteouts` is what Linux 6.7 had in place of opaque `x`. */
export const OVERLAY_NOTES = [
  'opaque',
  'redirect',
  'metacopy',
  'whiteout',
  'origin',
  'impure',
  'nlink',
  'upper',
  'uuid',
  'protattr',
] as const;
export type OverlayNote = (typeof OVERLAY_NOTES)[number];

/**
 * A note of ours, on the root of an upper that was mounted with `volatile`: the driver leaves its own in the work directory
 * alone, and a mount with another one would not see it. The value is the boot id of then, and ` ended` when the overlay was
 * unmounted.
 */
export const VOLATILE_NOTE = 'overlayfs.volatile';

/** The longest name of an extended attribute, in bytes (linux/limits.h). */
export const XATTR_NAME_MAX = 255;

const ESCAPE = 'overlay.';

/** What a name of overlay's says. */
export interface OverlayXattrName {
  readonly dialect: Dialect;
  /** 0: it speaks to the overlay that has the layer; 1: to an overlay mounted over that one; and so on. */
  readonly level: number;
  /** One of OVERLAY_NOTES, or anything else that somebody put there. */
  readonly note: string;
}

/** What stands before each note of a dialect: `trusted.overlay.`. */
export function overlayPrefix(dialect: Dialect): `${Dialect}.overlay.` {
  return `${dialect}.overlay.`;
}

/** `trusted.overlay.opaque`; at level 1 `trusted.overlay.overlay.opaque`. */
export function formatOverlayXattr({ dialect, level, note }: OverlayXattrName): string {
  return `${overlayPrefix(dialect)}${ESCAPE.repeat(level)}${note}`;
}

/**
 * A note of ours, on the root of an upper that was kept: when the overlay was begun that it is a copy of, in nanoseconds
 * since 1970. What was changed in the lower later, the changes were not made of.
 */
export function sinceNoteName(dialect: Dialect): string {
  return formatOverlayXattr({ dialect, level: 0, note: 'overlayfs.since' });
}

/** Undefined for a name that belongs to no overlay. */
export function parseOverlayXattr(name: string): OverlayXattrName | undefined {
  for (const dialect of ['trusted', 'user'] as const) {
    const prefix = overlayPrefix(dialect);
    if (!name.startsWith(prefix)) continue;
    let at = prefix.length;
    let level = 0;
    for (; name.startsWith(ESCAPE, at); at += ESCAPE.length) level++;
    return { dialect, level, note: name.slice(at) };
  }
  return undefined;
}

/** What an overlay of this dialect shows of a layer's attribute: another name, the same, or nothing (undefined). */
export function nameInOverlay(name: string, dialect: Dialect): string | undefined {
  const prefix = overlayPrefix(dialect);
  if (!name.startsWith(prefix)) return name;
  return name.startsWith(ESCAPE, prefix.length)
    ? prefix + name.slice(prefix.length + ESCAPE.length)
    : undefined;
}

/** Where an overlay of this dialect keeps an attribute that is set in it; undefined when the name becomes too long. */
export function nameInLayer(name: string, dialect: Dialect): string | undefined {
  const prefix = overlayPrefix(dialect);
  if (!name.startsWith(prefix)) return name;
  const escaped = prefix + ESCAPE + name.slice(prefix.length);
  return Buffer.byteLength(escaped, 'latin1') > XATTR_NAME_MAX ? undefined : escaped;
}
