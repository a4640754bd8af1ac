// Which paths of the changes are names of one file.
import type { Change } from '../layer/change.ts';
import { keyOf } from './entry-key.ts';

export class Groups {
  readonly #leaders = new Map<string, string>();

  /** The first of the chosen names leads, be it the one that was told first or not. */
  constructor(changes: readonly Change[]) {
    const groups = new Map<string, string[]>();
    const chosen = new Set(changes.map(({ path }) => keyOf(path)));
    for (const { path, linkTo } of changes) {
      if (linkTo === undefined) continue;
      const first = keyOf(linkTo);
      const names = groups.get(first) ?? (chosen.has(first) ? [first] : []);
      groups.set(first, [...names, keyOf(path)]);
    }
    for (const names of groups.values()) {
      if (names.length > 1) for (const name of names) this.#leaders.set(name, names[0]!);
    }
  }

  /** How many names among the changes. */
  sizeOf(path: string): number {
    const leader = this.#leaders.get(path);
    return leader === undefined ? 1 : [...this.#leaders.values()].filter((one) => one === leader).length;
  }

  /** Undefined for a file with one name among the changes. */
  leaderOf(path: string): string | undefined {
    return this.#leaders.get(path);
  }
}
