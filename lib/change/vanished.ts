// What the upper has changed and somebody has taken away from the lower since then: it looks like something new.
import type { Change } from '../layer/change.ts';
import type { MergedEntry } from '../layer/merged-entry.ts';
import type { BothViews } from './both-views.ts';
import type { UpperEntries } from './copied-up.ts';
import { keyOf } from './entry-key.ts';
import type { Frames } from './frames.ts';

interface Copied {
  readonly path: string;
  readonly type: Change['type'];
  readonly inode: bigint | undefined;
}

const numberOf = ({ inode }: MergedEntry): bigint => BigInt(inode.slice(inode.lastIndexOf(':') + 1) || 0);

// The name of a file under which all its names are known.
const leaderOf = ({ path, linkTo }: Change): string => keyOf(linkTo ?? path);

/** New by all its names, and a copy by what the kernel has noted on it. */
async function copies(
  upper: UpperEntries,
  changes: readonly Change[],
  selected: readonly Change[],
): Promise<Copied[]> {
  const inPlace = new Set(changes.filter(({ kind }) => kind === 'modified').map(leaderOf));
  const found = new Map<string, Copied>();
  for (const change of selected) {
    const [path, leader] = [keyOf(change.path), leaderOf(change)];
    if (change.kind !== 'added' || change.from !== undefined || inPlace.has(leader) || found.has(leader))
      continue;
    const copied = await upper.copiedUp(path);
    if (copied !== undefined) found.set(leader, { path, type: change.type, inode: copied.inode });
  }
  return [...found.values()];
}

/** What the lower has at places from where the upper may have renamed something. */
class Sources {
  readonly #inodes = new Set<bigint>();
  readonly #types = new Set<Change['type']>();

  static async of(
    upper: UpperEntries,
    views: BothViews,
    changes: readonly Change[],
    frames: Frames,
  ): Promise<Sources> {
    const sources = new Sources();
    for (const { kind, path, from, what } of changes) {
      const key = keyOf(path);
      const place = frames.placeOf(key);
      for (const at of from === undefined ? [place] : [place, keyOf(from)]) {
        const was = at === undefined ? undefined : await views.was(at);
        if (was === undefined) continue;
        // A file that was changed in its place is the source of no other.
        const stays = kind === 'modified' && (await upper.copiedUp(key)) !== undefined;
        sources.#add(was, !stays);
        if (was.type !== 'directory' || (kind !== 'deleted' && !what.includes('type'))) continue;
        for await (const entry of views.before.walk(Buffer.from(at!, 'latin1'))) sources.#add(entry, true);
      }
    }
    return sources;
  }

  #add(entry: MergedEntry, free: boolean): void {
    this.#inodes.add(numberOf(entry));
    if (free) this.#types.add(entry.type);
  }

  /** Where the kernel has not noted of what it is a copy, anything of its type may be; directories it does not rename so. */
  have({ type, inode }: Copied): boolean {
    if (inode !== undefined) return this.#inodes.has(inode);
    return type !== 'directory' && this.#types.has(type);
  }
}

/**
 * The paths of changed entries whose originals are gone: neither in their place, nor anywhere from where they were renamed.
 *
 * @param changes all of them; those of `selected` are asked about
 */
export async function vanished(
  upper: UpperEntries,
  views: BothViews,
  { changes, selected, frames }: { changes: readonly Change[]; selected: readonly Change[]; frames: Frames },
): Promise<string[]> {
  const found = await copies(upper, changes, selected);
  if (found.length === 0) return [];
  const sources = await Sources.of(upper, views, changes, frames);
  return found.filter((copied) => !sources.have(copied)).map(({ path }) => path);
}
