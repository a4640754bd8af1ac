// Which known name somebody probably meant by an unknown one.

/** Edits (insert, delete, replace, swap neighbours) that turn one name into the other. */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, before[j - 2]! + 1);
      }
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[to.length]!;
}

/** The nearest of `names` when it is near enough to be a slip of the hand; case and `_` `-` do not count. */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll('_', '').replaceAll('-', '');
  const wanted = plain(name.slice(0, 64));
  let best: string | undefined;
  let least = wanted.length < 4 ? 1.5 : 2.5;
  for (const candidate of names) {
    const edits = distance(wanted, plain(candidate));
    if (edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}
