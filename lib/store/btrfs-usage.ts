// What a subvolume takes by itself on btrfs: as the quota counts it, or what was written since it was made, by its own trees.
import {
  decodeFileExtent,
  decodeInodeMade,
  EXTENT_DATA,
  INODE_ITEM,
  type Item,
  type Search,
} from '../format/btrfs/tree-search.ts';
import type { Usage } from '../format/store/record.ts';
import { subvolumeInfo } from '../kernel/btrfs/subvolumes.ts';
import { qgroupCount, quotaState, searchTree } from '../kernel/btrfs/trees.ts';
import { runAsync } from '../kernel/routine.ts';
import { allNested } from './subvolumes.ts';

/** Where the number of an ordinary file begins, and where it ends. */
const FIRST_INODE = 256n;
const LAST_INODE = (1n << 64n) - 257n;

class Counter {
  readonly #since: bigint;
  readonly #extents = new Set<bigint>();
  bytes = 0;
  inodes = 0;

  constructor(since: bigint) {
    this.#since = since;
  }

  readonly add = (items: readonly Item[]): void => {
    for (const { type, data } of items) {
      if (type === INODE_ITEM && decodeInodeMade(data) > this.#since) this.inodes += 1;
      if (type === EXTENT_DATA) this.#addExtent(data);
    }
  };

  #addExtent(data: Buffer): void {
    const extent = decodeFileExtent(data);
    if (extent === undefined || extent.made <= this.#since) return;
    if (extent.at !== undefined) {
      if (this.#extents.has(extent.at)) return;
      this.#extents.add(extent.at);
    }
    this.bytes += extent.bytes;
  }
}

/** Counts one subvolume. `since`: what is older is the parent's. */
async function countSubvolume(fd: number, tree: bigint, since: bigint): Promise<Usage> {
  const counter = new Counter(since);
  const search: Search = {
    tree,
    from: { objectid: FIRST_INODE, type: INODE_ITEM, offset: 0n },
    to: { objectid: LAST_INODE, type: EXTENT_DATA, offset: (1n << 64n) - 1n },
    since,
  };
  await runAsync(searchTree(fd, search, counter.add));
  return { bytes: counter.bytes, inodes: counter.inodes };
}

/** @param base it was made from nothing, so that all in it is its own */
export async function subvolumeUsage(fd: number, base: boolean): Promise<Usage> {
  const { id, made } = await runAsync(subvolumeInfo(fd));
  const ids = [id, ...(await runAsync(allNested(fd, id))).map((nested) => nested.id)];
  const counted = (await runAsync(quotaState(fd))) === true;
  let [bytes, inodes] = [0, 0];
  for (const one of ids) {
    const own = await countSubvolume(fd, one, base ? 0n : made);
    const count = counted ? await runAsync(qgroupCount(fd, one)) : undefined;
    bytes += count?.exclusive ?? own.bytes;
    inodes += own.inodes;
  }
  return { bytes, inodes };
}
