// Items of btrfs's trees, asked of the kernel a buffer at a time, and what they tell: nested subvolumes, counts, what is gone.
import {
  after,
  decodeItems,
  decodeQgroupInfo,
  decodeQgroupStatus,
  decodeRootRef,
  encodeSearch,
  type Item,
  QGROUP_INFO,
  QGROUP_STATUS,
  type QgroupCount,
  QUOTA_TREE,
  ROOT_ITEM,
  ROOT_REF,
  ROOT_TREE,
  range,
  SEARCH_ARGS_SIZE,
  type Search,
} from '../../format/btrfs/tree-search.ts';
import { Words } from '../../format/btrfs/words.ts';
import { call } from '../call.ts';
import { ENOENT } from '../errno.ts';
import { ioctlNumber } from '../ioctl-number.ts';
import { KernelError } from '../kernel-error.ts';
import type { Routine } from '../routine.ts';
import { BTRFS } from './subvolumes.ts';

const TREE_SEARCH_V2 = ioctlNumber('both', BTRFS, 17, SEARCH_ARGS_SIZE);
const INO_LOOKUP_SIZE = 4096;
const INO_LOOKUP = ioctlNumber('both', BTRFS, 18, INO_LOOKUP_SIZE);
const ROOM = 1 << 18;

/** Hands over the items between two keys in batches. The search is by key, so that others may lie between: check the type. */
export function* searchTree(
  fd: number,
  search: Search,
  take: (items: readonly Item[]) => void,
): Routine<void> {
  for (let from: Search['from'] | undefined = search.from; from !== undefined; ) {
    const items = decodeItems(
      yield* call('ioctl', fd, TREE_SEARCH_V2, encodeSearch({ ...search, from }, ROOM)),
    );
    if (items.length === 0) return;
    take(items);
    from = after(items.at(-1)!);
  }
}

function* itemsOf(fd: number, search: Search): Routine<Item[]> {
  const found: Item[] = [];
  yield* searchTree(fd, search, (items) =>
    found.push(...items.filter(({ type }) => type === search.from.type)),
  );
  return found;
}

/** A subvolume in another. */
export interface Nested {
  readonly id: bigint;
  /** From the root of the one that it is in. */
  readonly path: Buffer;
}

function* directoryPath(fd: number, tree: bigint, directory: bigint): Routine<Buffer> {
  const request = new Words(INO_LOOKUP_SIZE).set64(0, tree).set64(8, directory).bytes;
  // It ends with a slash, and is empty for the root.
  return Buffer.from(new Words(yield* call('ioctl', fd, INO_LOOKUP, request)).text(16));
}

/** The subvolumes that lie directly in one; `fd` is any descriptor of the filesystem. */
export function* nestedIn(fd: number, id: bigint): Routine<Nested[]> {
  const nested: Nested[] = [];
  for (const { offset, data } of yield* itemsOf(fd, range(ROOT_TREE, ROOT_REF, id))) {
    const { directory, name } = decodeRootRef(data);
    nested.push({ id: offset, path: Buffer.concat([yield* directoryPath(fd, id, directory), name]) });
  }
  return nested;
}

/** Whether a subvolume is there, or destroyed and not yet freed. */
export function* isInTree(fd: number, id: bigint): Routine<boolean> {
  return (yield* itemsOf(fd, range(ROOT_TREE, ROOT_ITEM, id))).length > 0;
}

/** Subvolumes that are destroyed and not yet freed: no name leads to them. */
export function* destroyedSubvolumes(fd: number): Routine<bigint[]> {
  const ORPHANS = (1n << 64n) - 5n;
  const ORPHAN_ITEM = 48;
  return (yield* itemsOf(fd, range(ROOT_TREE, ORPHAN_ITEM, ORPHANS))).map(({ offset }) => offset);
}

/** Whether quotas are on, and true; undefined where none are on. */
export function* quotaState(fd: number): Routine<boolean | undefined> {
  try {
    const [status] = yield* itemsOf(fd, range(QUOTA_TREE, QGROUP_STATUS, 0n));
    return status === undefined ? undefined : decodeQgroupStatus(status.data);
  } catch (error) {
    if (error instanceof KernelError && error.errno === -ENOENT) return undefined;
    throw error;
  }
}

/** What the quota counts for a subvolume; undefined when it does not know it. */
export function* qgroupCount(fd: number, id: bigint): Routine<QgroupCount | undefined> {
  const search: Search = {
    tree: QUOTA_TREE,
    from: { objectid: 0n, type: QGROUP_INFO, offset: id },
    to: { objectid: 0n, type: QGROUP_INFO, offset: id },
  };
  const [item] = yield* itemsOf(fd, search);
  return item === undefined ? undefined : decodeQgroupInfo(item.data);
}
