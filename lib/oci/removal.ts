// Takes away what a layer deletes or replaces.
import { call, close } from '../kernel/call.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from '../kernel/constants.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { runAsync } from '../kernel/routine.ts';
import { type Batches, CONFINED, nameBytes } from './batch.ts';
import { IMPLIED, type TreeNode } from './tree.ts';

/** A directory of before stays for what the layer has in it, and has nothing else of what it was. */
export function becomeImplied(node: TreeNode): void {
  node.fresh = node.implied = node.bare = true;
  node.attributes = IMPLIED;
}

export class Removal {
  readonly #batches: Batches;

  constructor(batches: Batches) {
    this.#batches = batches;
  }

  /** Removes all below that is not of this layer; whether anything of it is there. */
  async removeOld(node: TreeNode): Promise<boolean> {
    let some = false;
    for (const child of [...node.children.values()]) {
      const holds = await this.removeOld(child);
      if (child.fresh || holds) some = true;
      else await this.remove(child);
      if (!child.fresh && holds) becomeImplied(child);
    }
    return some;
  }

  async remove(node: TreeNode): Promise<void> {
    const batches = this.#batches;
    const parent = node.parent!;
    node.remove();
    if (node.kind !== 'directory') {
      batches.about(node.path);
      batches.program.add('unlinkat', 0, batches.directory(parent), nameBytes(node.name), 0);
      return;
    }
    await batches.settle();
    try {
      await runAsync(
        (function* () {
          const place = parent.path === '' ? '.' : nameBytes(parent.path);
          const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
          const dir = yield* call('openat2', batches.root, place, flags, 0, CONFINED);
          try {
            yield* removeTree(dir, nameBytes(node.name));
          } finally {
            close(dir);
          }
        })(),
      );
    } catch (error) {
      throw batches.explained(error, node.path);
    }
  }
}
