// The ids of others that a user may map into a user namespace, as /etc/subuid and /etc/subgid have them.
//
// Source: subuid(5).

export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** `name:first:count`, or `id:first:count`. */
const LINE = /^([^:#\s]+):(\d{1,10}):(\d{1,10})\s*$/;
const IDS = 2 ** 32 - 1;

/** The ranges of one user, in the order of the file. Lines that cannot be read count for nobody, as for newuidmap(1). */
export function parseSubordinateIds(
  text: string,
  user: { readonly name: string | undefined; readonly id: number },
): IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [, owner, first, count] = LINE.exec(line) ?? [];
    if (owner === undefined || (owner !== user.name && owner !== String(user.id))) return [];
    const range = { first: Number(first), count: Number(count) };
    return range.count > 0 && range.first + range.count <= IDS ? [range] : [];
  });
}
