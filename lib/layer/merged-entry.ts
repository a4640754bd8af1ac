// An entry of the merged view, as lstat(2) and listxattr(2) show it in a mounted overlay.
import type { OverlayError } from '../format/overlay-error.ts';
import { nameInOverlay } from '../format/overlay-xattr.ts';
import { latin1ToPath } from '../format/path-bytes.ts';
import { type EntryPath, type EntryType, entryType } from './change.ts';
import { type LayerName, placeIn } from './layer.ts';
import type { RealEntry } from './real-entry.ts';
import type { MergedDirectory } from './rules.ts';
import type { Resolution } from './search.ts';

export type { EntryPath, EntryType } from './change.ts';

/** A place of a layer. */
export interface LayerPlace {
  readonly layer: LayerName;
  /** From the layer's root; `.` for the root itself. */
  readonly place: EntryPath;
}

export interface MergedEntry extends LayerPlace {
  /** From the root of the merged view, without a slash before it; `.` for the root itself. */
  readonly path: EntryPath;
  readonly type: EntryType;
  /** Permissions with set-id and sticky bits: 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** In bytes. Of a directory what its topmost layer says. */
  readonly size: number;
  /** In nanoseconds since 1970; negative before. */
  readonly mtime: bigint;
  /** 1 for a directory that several layers have, as in the overlay. */
  readonly nlink: number;
  /** Of a device file. */
  readonly rdev: { readonly major: number; readonly minor: number };
  /** Tells hard links of one layer: device and inode of the layer's file. */
  readonly inode: string;
  /** Without the overlay's own; those of an overlay over this one without their escape. Names as latin1 text. */
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** Which layers are merged in this directory, top first; only itself for all else. */
  readonly layers: readonly LayerPlace[];
  /** Where the content is, of a file whose metadata and content are in two layers, unless a data layer has it. */
  readonly content?: LayerPlace;
  /** An absolute path at which the data layers are asked for the content. */
  readonly dataPath?: EntryPath;
  /** What the upper's redirect says: an absolute path, or another name. */
  readonly redirect?: EntryPath;
  /** What a mounted overlay fails with here, or why this entry may be wrong or incomplete. */
  readonly error?: OverlayError;
}

export function typeOf({ mode }: { readonly mode: number }): EntryType {
  return entryType(mode);
}

/** A place or path for people: `.` for the root. */
export function shownPlace(place: string): EntryPath {
  return place === '' ? '.' : latin1ToPath(place);
}

export function layerPlace({ layer, place }: { layer: { name: LayerName }; place: string }): LayerPlace {
  return { layer: layer.name, place: shownPlace(place) };
}

/** The entry whose metadata the merged view shows. */
export function topOf({ upper, lowers }: Resolution): RealEntry | undefined {
  return upper ?? lowers[0];
}

/** The entry whose content the merged view shows; undefined when a data layer has it, or nothing. */
export function contentOf(resolution: Resolution): RealEntry | undefined {
  const { upper, lowers, upperMetacopy, dataPath } = resolution;
  if (upper !== undefined && !upperMetacopy) return upper;
  return dataPath === undefined ? lowers.at(-1) : undefined;
}

const NONE: ReadonlyMap<string, Buffer> = new Map();

/** The attributes that an overlay shows of an entry. */
export function shownXattrs({ layer, xattrs }: RealEntry): ReadonlyMap<string, Buffer> {
  if (xattrs.size === 0) return NONE;
  const visible = new Map<string, Buffer>();
  for (const [name, value] of xattrs) {
    const inOverlay = nameInOverlay(name, layer.dialect);
    if (inOverlay !== undefined) visible.set(inOverlay, value);
  }
  return visible;
}

/** The merged directory that a name stands for. What was scanned of it is let go. */
export function directoryOf(parent: MergedDirectory, { name, upper, lowers }: Resolution): MergedDirectory {
  const place = ({ layer, place }: RealEntry) => ({ layer, place });
  return { path: placeIn(parent.path, name), upper: upper && place(upper), lowers: lowers.map(place) };
}

/** What the merged view shows for a name at `path`; undefined when it shows nothing. */
export function mergedEntry(path: string, resolution: Resolution): MergedEntry | undefined {
  const top = topOf(resolution);
  const { isDirectory, merged, redirect, dataPath, problem } = resolution;
  if (top === undefined) return problem === undefined ? undefined : unknownEntry(path, problem);
  const { stat } = top;
  const where = layerPlace(top);
  // Property by property: there can be millions of these.
  const entry: { -readonly [K in keyof MergedEntry]: MergedEntry[K] } = {
    path: top.place === path ? where.place : shownPlace(path),
    layer: where.layer,
    place: where.place,
    type: entryType(stat.mode),
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    mtime: stat.mtime,
    nlink: merged ? 1 : stat.nlink,
    rdev: { major: stat.rdevMajor, minor: stat.rdevMinor },
    inode: `${stat.devMajor}:${stat.devMinor}:${stat.ino}`,
    xattrs: shownXattrs(top),
    layers: isDirectory ? partsOf(resolution) : [where],
  };
  const content = isDirectory ? top : contentOf(resolution);
  if (content !== top && content !== undefined) entry.content = layerPlace(content);
  if (dataPath !== undefined) entry.dataPath = latin1ToPath(dataPath);
  if (redirect !== undefined) entry.redirect = latin1ToPath(redirect);
  const error = problem ?? top.problem;
  if (error !== undefined) entry.error = error;
  return entry;
}

function partsOf({ upper, lowers }: Resolution): LayerPlace[] {
  return (upper === undefined ? lowers : [upper, ...lowers]).map(layerPlace);
}

/** A name of which nothing is known but what is wrong. */
function unknownEntry(path: string, error: OverlayError): MergedEntry {
  const { option = 'lower', index = 0, path: place = '.' } = error.findings[0]!;
  const where = { layer: { kind: option as LayerName['kind'], index }, place };
  return {
    path: shownPlace(path),
    ...where,
    type: 'unknown',
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0n,
    nlink: 0,
    rdev: { major: 0, minor: 0 },
    inode: '',
    xattrs: NONE,
    layers: [where],
    error,
  };
}
