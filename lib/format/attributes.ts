// Mount attributes and propagation in their four spellings: ours, MOUNT_ATTR_* bits, MS_* flags and mount(8)'s words.

import type { OptionProblem } from './check-options.ts';
import type { MountAttributes, Propagation } from './mount-spec.ts';
import { nearestName } from './nearest-name.ts';

export type AttributeName = keyof MountAttributes;
type Writable = { -readonly [Name in AttributeName]?: boolean };
type WordMeaning = { readonly name: AttributeName; readonly value: boolean };

export interface AttributeRow {
  readonly name: AttributeName;
  /** MOUNT_ATTR_*, for fsmount(2) and mount_setattr(2). */
  readonly fsmountBit: number;
  /** MS_*, for mount(2). */
  readonly msFlag: number;
  /** mount(8)'s word that sets it. */
  readonly word: string;
  /** mount(8)'s word that clears it. */
  readonly off: string;
  /** One of the three ways to keep access times, of which a mount has exactly one. */
  readonly atimeMode?: true;
}

/** The bits of MOUNT_ATTR__ATIME: a field, not flags, which mount_setattr(2) wants cleared as a whole. */
export const MOUNT_ATTR__ATIME = 0x70;

/** Source: include/uapi/linux/mount.h and mount(8). */
export const MOUNT_ATTRIBUTES: readonly AttributeRow[] = [
  { name: 'readOnly', fsmountBit: 0x1, msFlag: 1, word: 'ro', off: 'rw' },
  { name: 'nosuid', fsmountBit: 0x2, msFlag: 2, word: 'nosuid', off: 'suid' },
  { name: 'nodev', fsmountBit: 0x4, msFlag: 4, word: 'nodev', off: 'dev' },
  { name: 'noexec', fsmountBit: 0x8, msFlag: 8, word: 'noexec', off: 'exec' },
  { name: 'noatime', fsmountBit: 0x10, msFlag: 1 << 10, word: 'noatime', off: 'atime', atimeMode: true },
  {
    name: 'relatime',
    fsmountBit: 0x0,
    msFlag: 1 << 21,
    word: 'relatime',
    off: 'norelatime',
    atimeMode: true,
  },
  {
    name: 'strictatime',
    fsmountBit: 0x20,
    msFlag: 1 << 24,
    word: 'strictatime',
    off: 'nostrictatime',
    atimeMode: true,
  },
  { name: 'nodiratime', fsmountBit: 0x80, msFlag: 1 << 11, word: 'nodiratime', off: 'diratime' },
  { name: 'nosymfollow', fsmountBit: 0x200000, msFlag: 1 << 8, word: 'nosymfollow', off: 'symfollow' },
];

/** MS_* flags that change how a mount propagates. They work alone, in a mount(2) call of their own. */
export const PROPAGATION_FLAGS: Readonly<Record<Propagation, number>> = {
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
};

const ROWS: ReadonlyMap<string, AttributeRow> = new Map(MOUNT_ATTRIBUTES.map((row) => [row.name, row]));
const ATIME_MODES = MOUNT_ATTRIBUTES.filter((row) => row.atimeMode);

/** The attribute that a word of mount(8) sets or clears. */
export const ATTRIBUTE_WORDS: ReadonlyMap<string, WordMeaning> = new Map(
  MOUNT_ATTRIBUTES.flatMap((row): [string, WordMeaning][] => [
    [row.word, { name: row.name, value: true }],
    [row.off, { name: row.name, value: false }],
  ]),
);

/** mount(8)'s words for propagation; the recursive ones mean the same on a new mount, which has nothing below it. */
export const PROPAGATION_WORDS: ReadonlyMap<string, Propagation> = new Map(
  (Object.keys(PROPAGATION_FLAGS) as Propagation[]).flatMap((name): [string, Propagation][] => [
    [name, name],
    [`r${name}`, name],
  ]),
);

function bitsOf(attributes: MountAttributes, column: 'fsmountBit' | 'msFlag'): number {
  let bits = 0;
  for (const row of MOUNT_ATTRIBUTES) if (attributes[row.name] === true) bits |= row[column];
  return bits;
}

/** MOUNT_ATTR_* bits for fsmount(2); without an access-time attribute that is relatime, as the kernel's default. */
export function attributesToFsmountBits(attributes: MountAttributes): number {
  return bitsOf(attributes, 'fsmountBit');
}

/**
 * MS_* flags for mount(2). MS_RDONLY makes the new filesystem read-only too, which MOUNT_ATTR_RDONLY does not: that takes
 * the parameter `ro` besides.
 */
export function attributesToMsFlags(attributes: MountAttributes): number {
  return bitsOf(attributes, 'msFlag');
}

/** What MOUNT_ATTR_* bits from statmount(2) say: the attributes that are set, among them one access-time attribute. */
export function fsmountBitsToAttributes(bits: number): MountAttributes {
  const attributes: Writable = {};
  const atime = bits & MOUNT_ATTR__ATIME;
  for (const row of MOUNT_ATTRIBUTES) {
    if (row.atimeMode ? atime === row.fsmountBit : (bits & row.fsmountBit) !== 0) attributes[row.name] = true;
  }
  return attributes;
}

/**
 * What mountinfo's words say, in the same form as `fsmountBitsToAttributes`: the kernel shows no word for strictatime, it is
 * what is left when neither noatime nor relatime is shown.
 */
export function shownWordsToAttributes(words: Iterable<string>): MountAttributes {
  const attributes: Writable = {};
  for (const word of words) {
    const meaning = ATTRIBUTE_WORDS.get(word);
    if (meaning?.value === true) attributes[meaning.name] = true;
  }
  if (attributes.noatime !== true && attributes.relatime !== true) attributes.strictatime = true;
  return attributes;
}

/** Adds what one word says; a new access-time mode takes the place of the one before, as later words do in mount(8). */
export function applyAttributeWord(attributes: MountAttributes, word: string): MountAttributes {
  const meaning = ATTRIBUTE_WORDS.get(word);
  if (meaning === undefined) return attributes;
  const result: Writable = { ...attributes };
  if (meaning.value && ROWS.get(meaning.name)!.atimeMode) {
    for (const mode of ATIME_MODES) if (result[mode.name] === true) delete result[mode.name];
  }
  result[meaning.name] = meaning.value;
  return result;
}

/** The attributes that mount(8)'s words ask for, in order; words that are no attributes are skipped. */
export function wordsToAttributes(words: Iterable<string>): MountAttributes {
  let attributes: MountAttributes = {};
  for (const word of words) attributes = applyAttributeWord(attributes, word);
  return attributes;
}

/** mount(8)'s words for attributes, the ones for `false` included. */
export function attributesToWords(attributes: MountAttributes): string[] {
  const words: string[] = [];
  for (const row of MOUNT_ATTRIBUTES) {
    const value = attributes[row.name];
    if (value !== undefined) words.push(value ? row.word : row.off);
  }
  return words;
}

function unknownAttribute(name: string): OptionProblem {
  const meaning = ATTRIBUTE_WORDS.get(name);
  const meant = nearestName(name, ROWS.keys());
  let hint = `the attributes are ${[...ROWS.keys()].join(', ')}`;
  if (meaning !== undefined) hint = `write ${meaning.name}: ${meaning.value}`;
  else if (meant !== undefined) hint = `did you mean ${meant}?`;
  return { kind: 'unknown', option: name, sentence: `there is no mount attribute ${name}`, hint };
}

/** The first problem of attributes that come from anywhere, or undefined. Values of `undefined` count as absent. */
export function checkAttributes(attributes: unknown): OptionProblem | undefined {
  if (attributes === null || typeof attributes !== 'object' || Array.isArray(attributes)) {
    const sentence = 'attributes must be an object';
    return { kind: 'type', option: 'attributes', sentence, hint: 'use attributes: { nosuid: true }' };
  }
  let mode: string | undefined;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    const row = ROWS.get(name);
    if (row === undefined) return unknownAttribute(name);
    if (typeof value !== 'boolean') {
      return {
        kind: 'type',
        option: name,
        sentence: `${name} must be true or false`,
        hint: `write ${name}: true`,
      };
    }
    if (!row.atimeMode || !value) continue;
    if (mode !== undefined) {
      const sentence = `${mode} and ${name} exclude each other`;
      return {
        kind: 'conflict',
        option: name,
        other: mode,
        sentence,
        hint: 'choose one way to keep access times',
      };
    }
    mode = name;
  }
  return undefined;
}
