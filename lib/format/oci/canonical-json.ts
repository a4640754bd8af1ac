// The one way in which documents are written: members sorted, no space, so that equal content has an equal digest.
//
// As RFC 8785 has it, for the strings, whole numbers, lists and objects that documents of images consist of.

/** Members that are undefined are left out. */
export function formatCanonicalJson(value: unknown): Buffer {
  return Buffer.from(textOf(value));
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${textOf(member)}`).join(',')}}`;
}
