// The text of /proc/<pid>/mountinfo, and what the options of an overlay in it (or from statmount(2)) say.
//
// Source: proc_pid_mountinfo(5); the readings of backslashes measured on Linux 6.18.

import { shownWordsToAttributes } from './attributes.ts';
import { decodeMountinfoOctal, unescapeValue } from './escape.ts';
import { FormatError } from './format-error.ts';
import type { AnyOverlayOptions, MountAttributes, Propagation } from './mount-spec.ts';
import { splitLowerdir, splitOptionText } from './option-text.ts';
import { type Parameter, parametersToOptions } from './options.ts';

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;

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

/** What an overlay is made of, as far as the kernel tells: relative names and `/proc/self/fd/N` are shown as given. */
export interface OverlayDescription {
  readonly lower: Buffer[];
  readonly data: Buffer[];
  readonly upper?: Buffer;
  readonly work?: Buffer;
  /**
   * The other way to read `upper` and `work`, present where the text allows two: a name with a backslash is shown as it is
   * when it was given as a descriptor, and with its escapes when it was given as a string. The filesystem knows which exists.
   */
  readonly otherUpper?: Buffer;
  readonly otherWork?: Buffer;
  /** What differs from the kernel's defaults, and flags of the filesystem such as `sync` and `lazytime` as raw ones. */
  readonly options: AnyOverlayOptions;
  /** The filesystem is read-only, whatever the mount's attributes say. */
  readonly readOnly: boolean;
}

/** SB_* flags of statmount(2) that mountinfo prints as words. */
const SB_RDONLY = 1;
const SB_WORDS: readonly (readonly [number, string])[] = [
  [1 << 4, 'sync'],
  [1 << 7, 'dirsync'],
  [1 << 25, 'lazytime'],
];

/** The lowerdir text as layers; a text that no kernel would have taken is one layer of that name. */
function layersOf(value: Buffer): { lower: Buffer[]; data: Buffer[] } {
  try {
    return splitLowerdir(value);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { lower: [value], data: [] };
  }
}

/** The likelier reading of an upper or work, then the other one if there is one. */
function readingsOf(shown: Buffer, layersWereAdded: boolean): [Buffer, Buffer?] {
  if (!shown.includes(BACKSLASH)) return [shown];
  const unescaped = unescapeValue(shown);
  // Who adds layers one by one has the API that takes descriptors, whose names are shown without escapes.
  return layersWereAdded ? [shown, unescaped] : [unescaped, shown];
}

/**
 * Reads the options of an overlay as mountinfo or statmount(2) show them.
 *
 * @param superOptions with their octal escapes
 * @param sbFlags statmount's `sbFlags`, which say what mountinfo says in words; leave it out for mountinfo
 */
export function describeOverlay(superOptions: Uint8Array, sbFlags: number = 0): OverlayDescription {
  const lower: Buffer[] = [];
  const data: Buffer[] = [];
  const others: Parameter[] = [];
  let shownUpper: Buffer | undefined;
  let shownWork: Buffer | undefined;
  let layersWereAdded = false;
  let readOnly = (sbFlags & SB_RDONLY) !== 0;
  for (const parameter of splitOptionText(superOptions)) {
    const value = decodeMountinfoOctal((parameter.value ?? new Uint8Array()) as Uint8Array);
    switch (parameter.key) {
      case 'lowerdir': {
        const layers = layersOf(value);
        lower.push(...layers.lower);
        data.push(...layers.data);
        break;
      }
      case 'lowerdir+':
      case 'datadir+':
        layersWereAdded = true;
        (parameter.key === 'lowerdir+' ? lower : data).push(value);
        break;
      case 'upperdir':
        shownUpper = value;
        break;
      case 'workdir':
        shownWork = value;
        break;
      case 'ro':
      case 'rw':
        readOnly = parameter.key === 'ro';
        break;
      default:
        others.push(parameter.value === undefined ? parameter : { key: parameter.key, value });
    }
  }
  for (const [flag, key] of SB_WORDS) if ((sbFlags & flag) !== 0) others.push({ key });
  const [upper, otherUpper] = shownUpper === undefined ? [] : readingsOf(shownUpper, layersWereAdded);
  const [work, otherWork] = shownWork === undefined ? [] : readingsOf(shownWork, layersWereAdded);
  return {
    lower,
    data,
    ...(upper === undefined ? {} : { upper }),
    ...(work === undefined ? {} : { work }),
    ...(otherUpper === undefined ? {} : { otherUpper }),
    ...(otherWork === undefined ? {} : { otherWork }),
    options: parametersToOptions(others),
    readOnly,
  };
}
