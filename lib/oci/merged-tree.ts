// The trees of an image's layers laid one over the other, as an overlay shows them, and what each layer does to it.
import { latin1ToPath } from '../format/path-bytes.ts';
import type { EntryPath } from '../layer/change.ts';
import { badLink } from './bad-entry.ts';
import { become, type Content, LayerNode, type LayerTree } from './layer-tree.ts';
import { nodeAt } from './tree.ts';
import type { HiddenBy, Waste } from './waste.ts';

/** Paths, directories among them, and the bytes of their content; those of a file with several names once. */
export interface Tally {
  readonly paths: number;
  readonly bytes: number;
}

/** What a layer does at one path. Directories that come or go are told with all that is in them. */
export interface LayerChange {
  readonly kind: 'added' | 'modified' | 'deleted';
  /** From the root, without a slash before it; `.` for the root itself. */
  readonly path: EntryPath;
  readonly type: LayerNode['type'];
  /** How many paths it stands for. */
  readonly paths: number;
  /** What the layer carries for it; of `deleted`, what cannot be seen any more. */
  readonly bytes: number;
}

export interface LayerAccount {
  readonly added: Tally;
  readonly modified: Tally;
  /** Among them what opaque directories hide. */
  readonly deleted: Tally;
  /** What the layer has again as it was: mostly directories on the way to what it changes. */
  readonly unchanged: Tally;
  /** In the order of paths. */
  readonly changes: readonly LayerChange[];
}

type Kind = LayerChange['kind'] | 'unchanged';
type Counts = Record<Kind, { paths: number; bytes: number }>;

const sameContent = (one?: Content, other?: Content): boolean =>
  one === other || (one?.bytes === other?.bytes && one?.digest === other?.digest);

/** One layer that is being laid over those below. */
class Laying {
  readonly changes: {
    kind: LayerChange['kind'];
    key: string;
    node: LayerNode;
    paths: number;
    bytes: number;
  }[] = [];
  readonly counts: Counts;
  readonly #layer: number;
  readonly #waste: Waste;

  constructor(layer: number, waste: Waste) {
    this.#layer = layer;
    this.#waste = waste;
    const none = () => ({ paths: 0, bytes: 0 });
    this.counts = { added: none(), modified: none(), deleted: none(), unchanged: none() };
  }

  /** Everything is hidden that `above` does not have again. */
  directory(below: LayerNode, above: LayerNode, opaque: boolean): void {
    if (!above.implied) this.#describe(below, above);
    this.#delete(below, above, opaque);
    for (const node of above.children.values()) {
      const old = below.children.get(node.name);
      const goesOn = old?.kind === 'directory' && node.kind === 'directory';
      if (goesOn) this.directory(old, node, opaque || node.opaque);
      // In a directory that is not there nothing can be deleted.
      else if (!node.ghost) this.#put(below, node, old);
    }
  }

  #describe(below: LayerNode, above: LayerNode): void {
    // What the first layer says of the root changes nothing.
    if (below.parent !== undefined || !below.implied)
      this.#tell(below.look === above.look ? 'unchanged' : 'modified', above, { paths: 1, bytes: 0 });
    below.look = above.look;
    below.implied = false;
  }

  #delete(below: LayerNode, above: LayerNode, opaque: boolean): void {
    const again = (name: string) => {
      const node = above.children.get(name);
      return node?.ghost ? undefined : node;
    };
    for (const name of above.deletes ?? []) {
      const node = again(name);
      // It was made again: what is in it is new.
      if (node?.kind === 'directory') node.opaque = true;
      else if (node === undefined) this.#hide(below.children.get(name), 'deleted');
    }
    if (!opaque) return;
    for (const [name, node] of below.children)
      if (again(name) === undefined) this.#hide(node, 'opaque', below.path);
  }

  /** @param row under which path it is told as wasted: that of an opaque directory, else its own */
  #hide(node: LayerNode | undefined, why: HiddenBy, row?: string): void {
    if (node === undefined) return;
    const gone = this.#end(node, row ?? node.path, why);
    this.#tell('deleted', node, gone);
    node.remove();
  }

  #put(below: LayerNode, node: LayerNode, old: LayerNode | undefined): void {
    const has = old !== undefined && old.type === node.type && sameContent(old.content, node.content);
    const kind = old === undefined ? 'added' : has && old.look === node.look ? 'unchanged' : 'modified';
    if (old !== undefined) this.#replace(old, node, has);
    below.children.set(node.name, node);
    node.parent = below;
    if (old === undefined || node.kind !== 'directory') {
      this.#tell(kind, node, this.#carried(node));
      return;
    }
    this.#tell(kind, node, { paths: 1, bytes: 0 });
    for (const child of node.children.values())
      if (child.ghost) child.remove();
      else this.#tell('added', child, this.#carried(child));
  }

  #replace(old: LayerNode, node: LayerNode, has: boolean): void {
    for (const child of old.children.values()) this.#hide(child, 'overwritten', old.path);
    if (old.content !== undefined) this.#release(old.content, node.path, 'overwritten', has);
  }

  #release(content: Content, row: string, why: HiddenBy, same = false): number {
    content.names -= 1;
    if (content.names > 0) return 0;
    this.#waste.add(row, content, why, this.#layer, same);
    return content.bytes;
  }

  /** All that a subtree of layers below had is hidden. */
  #end(node: LayerNode, row: string, why: HiddenBy): Tally {
    let [paths, bytes] = [1, 0];
    if (node.content !== undefined) bytes += this.#release(node.content, row, why);
    for (const child of node.children.values()) {
      const inside = this.#end(child, row, why);
      paths += inside.paths;
      bytes += inside.bytes;
    }
    return { paths, bytes };
  }

  /** All that a subtree of this layer brings; what it has for deletions alone goes. */
  #carried(node: LayerNode): Tally {
    let [paths, bytes] = [1, 0];
    const { content } = node;
    if (content !== undefined && content.layer === this.#layer && !content.counted) {
      content.counted = true;
      bytes += content.bytes;
    }
    for (const child of node.children.values()) {
      if (child.ghost) child.remove();
      else {
        const inside = this.#carried(child);
        paths += inside.paths;
        bytes += inside.bytes;
      }
    }
    return { paths, bytes };
  }

  #tell(kind: Kind, node: LayerNode, { paths, bytes }: Tally): void {
    this.counts[kind].paths += paths;
    this.counts[kind].bytes += bytes;
    if (kind !== 'unchanged') this.changes.push({ kind, key: node.path, node, paths, bytes });
  }

  account(): LayerAccount {
    const ordered = this.changes.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    const changes = ordered.map(({ kind, key, node, paths, bytes }) => ({
      kind,
      path: key === '' ? '.' : latin1ToPath(key),
      type: node.type,
      paths,
      bytes,
    }));
    return { ...this.counts, changes };
  }
}

export class MergedTree {
  readonly #root = new LayerNode(undefined, '', 'directory', false);
  readonly #waste: Waste;

  constructor(waste: Waste) {
    this.#waste = waste;
    this.#root.implied = true;
  }

  /** Lays the next layer over those before; its nodes are ours from now on. @throws {OverlayError} ERR_OVERLAY_LAYER_LINK */
  lay(layer: number, tree: LayerTree): LayerAccount {
    for (const { name, names } of tree.linksBelow) this.#target(name, names);
    if (tree.linksBelow.length > 0) this.#link(tree.root);
    const laying = new Laying(layer, this.#waste);
    laying.directory(this.#root, tree.root, tree.root.opaque);
    for (const { path, content } of tree.replaced) this.#waste.add(path, content, 'overwritten', layer);
    for (const [path, { content }] of tree.leftovers)
      if (content!.names === 0 && !content!.counted) this.#waste.add(path, content!, 'leftover', layer);
    return laying.account();
  }

  /** Before anything changes, hard links find what they are other names of. */
  #link(node: LayerNode): void {
    for (const child of node.children.values()) {
      this.#link(child);
      const names = child.linkBelow;
      if (names === undefined) continue;
      const target = this.#target(Buffer.from(child.path, 'latin1'), names);
      become(new LayerNode(node, child.name, target.kind, true, target.link), target);
    }
  }

  #target(name: Buffer, names: readonly string[]): LayerNode {
    const target = nodeAt(this.#root, names, name.toString('latin1')) as LayerNode | undefined;
    const path = Buffer.from(names.join('/'), 'latin1');
    if (target === undefined) throw badLink(name, path, 'which is neither in the layer nor below it');
    if (target.kind === 'directory') throw badLink(name, path, 'which is a directory');
    return target;
  }

  /** What is seen in the end; without the root itself. */
  paths(): number {
    const count = (node: LayerNode): number => {
      let paths = 0;
      for (const child of node.children.values()) paths += 1 + count(child);
      return paths;
    };
    return count(this.#root);
  }
}
