// The filter that a list is given: containerd's words, or an object of what has to be so.
import { type Filter, FilterProblem, parseFilters } from '../format/store/filter.ts';
import { readFields, readLabels } from './given-words.ts';
import { refusal } from './refusal.ts';

/** @throws {OverlayError} ERR_STORE_FILTER, ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_UNKNOWN_OPTION */
export function readFilter(value: unknown): Filter {
  if (value === undefined) return () => true;
  const texts = typeof value === 'string' ? [value] : value;
  if (Array.isArray(texts)) {
    try {
      return parseFilters(texts.map(String));
    } catch (error) {
      if (!(error instanceof FilterProblem)) throw error;
      const hint = 'write it as kind==active,labels.app==web; a field alone asks whether it is there';
      throw refusal('ERR_STORE_FILTER', error.message, hint, { option: 'filter' });
    }
  }
  const { name, kind, parent, labels } = readFields(value, ['name', 'kind', 'parent', 'labels']);
  const wanted = Object.entries(readLabels(labels));
  return (snapshot) =>
    (name === undefined || snapshot.name === name) &&
    (kind === undefined || snapshot.kind === kind) &&
    (parent === undefined || snapshot.parent === parent) &&
    wanted.every(([label, text]) => snapshot.labels[label] === text);
}
