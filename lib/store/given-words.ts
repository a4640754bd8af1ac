// What callers give to a store besides paths: keys, labels and limits, checked before anything is touched.
import { copyOf, type Fields, wrongType } from '../format/given.ts';
import type { SnapshotLimits } from '../format/store/record.ts';
import { refusal } from './refusal.ts';

/** In bytes of UTF-8. */
const LONGEST_KEY = 4096;
/** containerd's: of a label with its value, in bytes. */
const LONGEST_LABEL = 4096;

/** @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_STORE_KEY */
export function readKey(value: unknown, option: 'key' | 'name' | 'parent' = 'key'): string {
  if (typeof value !== 'string') return wrongType(option, 'a string', value);
  const problem =
    value === ''
      ? 'is empty'
      : value.includes('\0')
        ? 'contains a NUL character'
        : !value.isWellFormed()
          ? 'holds a lone surrogate'
          : Buffer.byteLength(value) > LONGEST_KEY
            ? `has more than ${LONGEST_KEY} bytes`
            : undefined;
  if (problem === undefined) return value;
  const hint = `use a text of 1 to ${LONGEST_KEY} bytes`;
  throw refusal('ERR_STORE_KEY', `${option} ${problem}`, hint, { option });
}

/** A copy. @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_STORE_LABEL */
export function readLabels(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrongType('labels', 'an object of strings', value);
  const labels: Record<string, string> = Object.create(null);
  for (const [name, text] of Object.entries(copyOf(value, 'labels') as Fields)) {
    if (typeof text !== 'string') return wrongType(`labels[${JSON.stringify(name)}]`, 'a string', text);
    if (name === '' || Buffer.byteLength(name) + Buffer.byteLength(text) > LONGEST_LABEL) {
      const sentence = `the label ${JSON.stringify(name.slice(0, 64))} is empty, or has more than ${LONGEST_LABEL} bytes with its value`;
      throw refusal('ERR_STORE_LABEL', sentence, 'shorten it', { option: 'labels' });
    }
    labels[name] = text;
  }
  return { ...labels };
}

/**
 * What an update makes of labels: all are replaced, or those that the field paths name.
 *
 * @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_STORE_FIELD, ERR_STORE_LABEL
 */
export function readLabelChange(
  labels: unknown,
  fieldpaths: unknown,
): (before: Readonly<Record<string, string>>) => Record<string, string> {
  const given = readLabels(labels);
  if (fieldpaths === undefined) return () => given;
  if (!Array.isArray(fieldpaths) || !fieldpaths.every((path) => typeof path === 'string'))
    return wrongType('fieldpaths', 'an array of strings', fieldpaths);
  const paths: readonly string[] = fieldpaths;
  const wrong = paths.find((path) => path !== 'labels' && !/^labels\../s.test(path));
  if (wrong !== undefined) {
    const sentence = `the field ${JSON.stringify(wrong)} of a snapshot cannot be changed`;
    throw refusal('ERR_STORE_FIELD', sentence, 'there are labels, and labels.NAME', { option: 'fieldpaths' });
  }
  if (paths.length === 0 || paths.includes('labels')) return () => given;
  const names = paths.map((path) => path.slice('labels.'.length));
  return (before) => {
    const after = new Map(Object.entries(before));
    for (const name of names) {
      if (Object.hasOwn(given, name)) after.set(name, given[name]!);
      else after.delete(name);
    }
    return Object.fromEntries(after);
  };
}

/** Undefined for none. @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_INVALID_VALUE */
export function readLimits(value: unknown): SnapshotLimits | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrongType('limits', 'an object', value);
  const limits: { bytes?: number; inodes?: number } = {};
  for (const [name, count] of Object.entries(copyOf(value, 'limits') as Fields)) {
    const option = `limits.${name}`;
    if (name !== 'bytes' && name !== 'inodes') {
      const sentence = `limits has no ${name}`;
      throw refusal('ERR_OVERLAY_UNKNOWN_OPTION', sentence, 'there are bytes and inodes', { option });
    }
    if (count === undefined) continue;
    if (typeof count !== 'number') return wrongType(option, 'a number', count);
    if (!Number.isSafeInteger(count) || count < 1) {
      const sentence = `${option} must be a whole number of 1 at least, and is ${count}`;
      throw refusal('ERR_OVERLAY_INVALID_VALUE', sentence, 'leave it out for no limit', { option });
    }
    limits[name] = count;
  }
  return Object.keys(limits).length === 0 ? undefined : limits;
}
