// Notes on an entry that say nothing an overlay understands, or nothing that counts: it passes over them, and so they are told.
import { decodeFileHandle } from '../format/file-handle.ts';
import * as marks from '../format/marks.ts';
import { decodeMetacopy } from '../format/metacopy.ts';
import type { Finding } from '../format/overlay-error.ts';
import type { OverlayNote } from '../format/overlay-xattr.ts';
import { decodeRedirect } from '../format/redirect.ts';
import { oddNote, whiteoutAtBottom } from './finding.ts';
import { isRegular, noteOn, type RealEntry, whiteoutOf } from './real-entry.ts';
import type { Rules } from './rules.ts';
import type { Resolution } from './search.ts';

type Check = (value: Buffer, entry: RealEntry) => string | undefined;

const when = (isOdd: boolean, reason: string) => (isOdd ? reason : undefined);
const isHandle: Check = (value) => when(decodeFileHandle(value) === undefined, 'it is no file handle');

// What the kernel fails at is an error of the entry, and not told here. Source: fs/overlayfs/util.c, namei.c and inode.c.
const CHECKS: readonly (readonly [OverlayNote, Check])[] = [
  [
    'opaque',
    (value, { stat }) =>
      when(!stat.isDirectory, 'it counts on directories only') ??
      when(marks.decodeOpaque(value) === undefined, 'only y and x have a meaning'),
  ],
  [
    'redirect',
    (value) => {
      const redirect = decodeRedirect(value);
      return 'invalid' in redirect ? redirect.invalid : undefined;
    },
  ],
  [
    'metacopy',
    (value, entry) =>
      when(!isRegular(entry), 'it counts on regular files only') ??
      when(decodeMetacopy(value)?.sound !== true, 'its digest is not sound'),
  ],
  ['whiteout', (_, entry) => when(whiteoutOf(entry) === undefined, 'it counts on empty regular files only')],
  ['origin', isHandle],
  ['upper', isHandle],
  ['impure', (value) => when(!marks.decodeImpure(value), 'only y has a meaning')],
  ['nlink', (value) => when(marks.decodeNlink(value) === undefined, 'it is no count of links')],
  ['uuid', (value) => when(marks.decodeUuid(value) === undefined, 'it has not 16 bytes')],
  ['protattr', (value) => when(marks.decodeProtattr(value) === undefined, 'only a and i have a meaning')],
];

/** What is odd in the notes on an entry. */
export function oddNotes(entry: RealEntry): Finding[] {
  if (entry.xattrs.size === 0) return [];
  return CHECKS.flatMap(([note, check]) => {
    const value = noteOn(entry, note);
    const reason = value === undefined ? undefined : check(value, entry);
    return reason === undefined ? [] : oddNote(entry, note, reason).findings;
  });
}

/** In the layer below which there is none. */
export function isAtBottom({ root }: Rules, { layer }: RealEntry): boolean {
  return layer.number === root.lowers.length;
}

/** The same for all that a name stands for; and a whiteout that there is nothing to hide for. */
export function remarksOn(rules: Rules, { upper, lowers, whiteout, problem }: Resolution): Finding[] {
  if (problem !== undefined) return [];
  const remarks = lowers.flatMap(oddNotes);
  if (upper !== undefined) remarks.unshift(...oddNotes(upper));
  if (whiteout !== undefined && isAtBottom(rules, whiteout))
    remarks.push(...whiteoutAtBottom(whiteout).findings);
  return remarks;
}
