// What the options of an overlay say, as /proc/<pid>/mountinfo or statmount(2) show them.
//
// Source: the readings of backslashes measured on Linux 6.18.

import { decodeMountinfoOctal, unescapeValue } from './escape.ts';
import { FormatError } from './format-error.ts';
import type { AnyOverlayOptions } from './mount-spec.ts';
import { splitLowerdir, splitOptionText } from './option-text.ts';
import { type Parameter, parametersToOptions } from './options.ts';

const BACKSLASH = 0x5c;

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
