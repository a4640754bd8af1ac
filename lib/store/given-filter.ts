// The filter that a list is given: containerd's words, or an object of what has to be so.
import { CHECKED_LATER, readOptions, TEXT, wrongType } from '../format/given.ts';
import { type Filter, FilterProblem, parseFilters } from '../format/store/filter.ts';
import type { SnapshotFilter } from './contract.ts';
import { readLabels } from './given-words.ts';
import { refusal } from './refusal.ts';

const CHECKS = {
  name: TEXT,
  kind: ['active', 'view', 'committed'],
  parent: TEXT,
  labels: CHECKED_LATER,
} as const;

/** @throws {OverlayError} ERR_STORE_FILTER, ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_UNKNOWN_OPTION */
export function readFilter(value: unknown): Filter {
  if (value === undefined) return () => true;
  const texts = typeof value === 'string' ? [value] : value;
  if (Array.isArray(texts)) {
    try {
      return parseFilters(
        texts.map((text, i) => (typeof text === 'string' ? text : wrongType('filter', 'a string', text, i))),
      );
    } catch (error) {
      if (!(error instanceof FilterProblem)) throw error;
      const hint = 'write it as kind==active,labels.app==web; a field alone asks whether it is there';
      throw refusal('ERR_STORE_FILTER', error.message, hint, { option: 'filter' });
    }
  }
  const { name, kind, parent, labels } = readOptions<SnapshotFilter>(value, CHECKS, 'filter');
  const wanted = Object.entries(readLabels(labels));
  return (snapshot) =>
    (name === undefined || snapshot.name === name) &&
    (kind === undefined || snapshot.kind === kind) &&
    (parent === undefined || snapshot.parent === parent) &&
    wanted.every(([label, text]) => snapshot.labels[label] === text);
}
