// The text of /proc/<pid>/mountinfo.
//
// Source: proc_pid_mountinfo(5).

import { shownWordsToAttributes } from './attributes.ts';
import { decodeMountinfoOctal } from './escape.ts';
import type { MountAttributes, Propagation } from './mount-spec.ts';

const NEWLINE = 0x0a;

/** The optional fields of a line: the peer groups that a mount belongs to. */
export interface PropagationTags {
  shared?: number;
  master?: number;
  propagateFrom?: number;
  unbindable?: true;
}

/** One line, escapes undone except in `superOptions`. */
export interface MountinfoEntry {
  readonly id: number;
  readonly parentId: number;
  readonly major: number;
  readonly minor: number;
  /** The directory of the filesystem that is the mount's root. */
  readonly root: Buffer;
  readonly target: Buffer;
  /** What is set, with exactly one of relatime, noatime and strictatime. */
  readonly attributes: MountAttributes;
  readonly propagation: PropagationTags;
  readonly fsType: string;
  readonly source: Buffer;
  /** The filesystem's own options, `ro` or `rw` first, still with their octal escapes. */
  readonly superOptions: Buffer;
}

/** Which kind of propagation tags stand for; a slave that shares on counts as shared. */
export function tagsToPropagation(tags: PropagationTags): Propagation {
  if (tags.shared !== undefined) return 'shared';
  if (tags.master !== undefined) return 'slave';
  return tags.unbindable ? 'unbindable' : 'private';
}

const TAG_NAMES: Readonly<Record<string, 'shared' | 'master' | 'propagateFrom'>> = {
  shared: 'shared',
  master: 'master',
  propagate_from: 'propagateFrom',
};

function addTag(tags: PropagationTags, text: string): void {
  const colon = text.indexOf(':');
  const name = Object.hasOwn(TAG_NAMES, text.slice(0, colon)) ? TAG_NAMES[text.slice(0, colon)] : undefined;
  if (name !== undefined) tags[name] = Number(text.slice(colon + 1));
  else if (text === 'unbindable') tags.unbindable = true;
}

const field = (text: string | undefined): Buffer => decodeMountinfoOctal(Buffer.from(text ?? '', 'latin1'));

/** One line as latin1 text, which keeps every byte and is split faster than bytes; undefined when it is not whole. */
function parseLine(line: string): MountinfoEntry | undefined {
  const words = line.split(' ');
  const dash = words.indexOf('-', 6);
  // Six fields, any number of tags, a dash, three fields; more when a careless filesystem prints a bare space.
  if (dash < 0 || words.length < dash + 4) return undefined;
  const id = Number(words[0]);
  const parentId = Number(words[1]);
  const [major = Number.NaN, minor = Number.NaN] = words[2]!.split(':').map(Number);
  if (!Number.isInteger(id + parentId + major + minor)) return undefined;
  const propagation: PropagationTags = {};
  for (let i = 6; i < dash; i++) addTag(propagation, words[i]!);
  return {
    id,
    parentId,
    major,
    minor,
    root: field(words[3]),
    target: field(words[4]),
    attributes: shownWordsToAttributes(words[5]!.split(',')),
    propagation,
    fsType: field(words[dash + 1]).toString('utf8'),
    source: field(words[dash + 2]),
    superOptions: Buffer.from(words.slice(dash + 3).join(' '), 'latin1'),
  };
}

/**
 * The lines of mountinfo, in the order of the text; lines that are not whole are skipped.
 *
 * @param fsType only mounts of this type: lines of others are then not even split
 */
export function parseMountinfo(text: Uint8Array, fsType?: string): MountinfoEntry[] {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const entries: MountinfoEntry[] = [];
  // Spaces in names are escaped, so these words between spaces can only be the type.
  const needle = fsType === undefined ? undefined : Buffer.from(` - ${fsType} `);
  for (let start = 0; start < bytes.length; ) {
    if (needle !== undefined) {
      const hit = bytes.indexOf(needle, start);
      if (hit < 0) break;
      start = Math.max(start, bytes.lastIndexOf(NEWLINE, hit) + 1);
    }
    let end = bytes.indexOf(NEWLINE, start);
    if (end < 0) end = bytes.length;
    const entry = parseLine(bytes.toString('latin1', start, end));
    if (entry !== undefined && (fsType === undefined || entry.fsType === fsType)) entries.push(entry);
    start = end + 1;
  }
  return entries;
}
