// A layer's deletions in the form that the overlay driver reads, made when all entries are there: so their order is nothing.
import { encodeOpaque } from '../format/marks.ts';
import { type Dialect, overlayPrefix } from '../format/overlay-xattr.ts';
import { latin1ToPath } from '../format/path-bytes.ts';
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, S_IFCHR } from '../kernel/constants.ts';
import { EPERM } from '../kernel/errno.ts';
import { MAY_FAIL } from '../kernel/program.ts';
import { type Batches, nameBytes } from './batch.ts';
import type { Below } from './below.ts';
import { failure } from './failure.ts';
import { Removal } from './removal.ts';
import { directoryAt, TreeNode } from './tree.ts';
import type { Unpacking } from './unpacking.ts';

/** `'auto'`: a device 0:0, or where the kernel refuses that the attribute (Linux 6.7). */
export type WhiteoutForm = 'auto' | 'device' | 'xattr';

export class Deletions {
  readonly #root: TreeNode;
  readonly #batches: Batches;
  readonly #unpacking: Unpacking;
  readonly #below: Below;
  readonly #dialect: Dialect;
  readonly #removal: Removal;
  readonly #done = new Map<TreeNode, Set<string>>();
  #form: WhiteoutForm;

  constructor(
    root: TreeNode,
    batches: Batches,
    unpacking: Unpacking,
    below: Below,
    dialect: Dialect,
    form: WhiteoutForm,
  ) {
    this.#root = root;
    this.#batches = batches;
    this.#unpacking = unpacking;
    this.#below = below;
    this.#dialect = dialect;
    this.#form = form;
    this.#removal = new Removal(batches);
  }

  async make(): Promise<void> {
    const { opaques, whiteouts } = this.#unpacking;
    for (const names of opaques) await this.#hide(names);
    // A directory that was deleted and made again hides what was in it: it comes before what is said of its names.
    for (const names of whiteouts.toSorted((a, b) => a.length - b.length)) await this.#delete(names);
  }

  async #hide(names: readonly string[]): Promise<void> {
    if (names.length === 0) return await this.#hideAll();
    const path = names.join('/');
    const node = directoryAt(this.#root, names, path, (parent, name) => this.#unpacking.imply(parent, name));
    node!.opaque = true;
    for (const child of [...node!.children.values()]) await this.#dropCopies(child);
  }

  /** What came up for a link to it is of below, and deleted like that. Gives whether nothing else was there. */
  async #dropCopies(node: TreeNode): Promise<boolean> {
    let all = node.broughtUp || (node.implied && node.children.size > 0);
    for (const child of [...node.children.values()]) if (!(await this.#dropCopies(child))) all = false;
    if (all) await this.#removal.remove(node);
    return all;
  }

  /** The kernel does not ask the root of a layer whether it is opaque. */
  async #hideAll(): Promise<void> {
    if (!this.#below.known)
      throw failure(
        'ERR_OVERLAY_LAYER_OPAQUE_ROOT',
        'the layer deletes all that is below it, which an overlay can only be told name by name',
        'name the layers below as `lowers`, `[]` when there are none',
      );
    for (const name of await this.#below.rootNames()) await this.#delete([name]);
  }

  async #delete(names: readonly string[]): Promise<void> {
    const path = names.join('/');
    const above = names.slice(0, -1);
    const place = this.#placeOf(above, path);
    if (place.hidesLower) return this.#needless(path, 'its directory hides all that is below anyway');
    if (this.#isDeleted(place)) return this.#needless(path, 'its directory is deleted');
    // In a directory that no lower layer has the kernel would list the name.
    const below = place.path === '' ? [] : place.path.split('/');
    if (this.#below.known && (await this.#below.entry(below))?.type !== 'directory')
      return this.#needless(path, 'no layer below has its directory');
    const parent = directoryAt(this.#root, above, path, (at, name) => this.#unpacking.imply(at, name))!;
    const name = names.at(-1)!;
    const there = parent.children.get(name);
    if (there !== undefined && !(await this.#dropCopies(there))) {
      // It was made again: a directory must not show what was in the old one.
      if (there.kind === 'directory') there.opaque = true;
      return;
    }
    // Said twice, perhaps by another way to its directory.
    const done = this.#done.get(parent) ?? new Set();
    if (done.has(name)) return;
    this.#done.set(parent, done.add(name));
    this.#batches.about(path);
    if (this.#form === 'auto') await this.#try(parent, name);
    else this.#mark(parent, name);
    if (this.#batches.full) await this.#batches.send();
  }

  /** Where a path leads to, with directories that are not there only thought. */
  #placeOf(names: readonly string[], whole: string): TreeNode {
    return directoryAt(this.#root, names, whole, (at, name) => {
      const thought = new TreeNode(undefined, name, 'directory', false);
      thought.parent = at;
      return thought;
    })!;
  }

  #isDeleted({ parent, name }: TreeNode): boolean {
    return parent !== undefined && (this.#done.get(parent)?.has(name) || this.#isDeleted(parent));
  }

  #needless(path: string, why: string): void {
    this.#unpacking.dropped.push({ path: latin1ToPath(path), what: 'whiteout', why });
  }

  /** Makes the first one, and learns which form can be made here. */
  async #try(parent: TreeNode, name: string): Promise<void> {
    await this.#batches.settle();
    this.#batches.about(parent.path);
    const { program } = this.#batches;
    const dir = this.#batches.directory(parent);
    const made = program.add('mknodat', MAY_FAIL, dir, nameBytes(name), S_IFCHR, 0);
    await this.#batches.settle();
    this.#form = program.value(made) === -EPERM ? 'xattr' : 'device';
    // Again, if it has failed otherwise: then that is thrown.
    if (program.value(made) < 0) this.#mark(parent, name);
  }

  #mark(parent: TreeNode, name: string): void {
    const { program } = this.#batches;
    const dir = this.#batches.directory(parent);
    if (this.#form === 'device') {
      program.add('mknodat', 0, dir, nameBytes(name), S_IFCHR, 0);
      return;
    }
    parent.marked = true;
    const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
    const file = program.add('openat', 0, dir, nameBytes(name), flags, 0o644);
    // Whoever mounts the layer must be able to read the attribute, whatever the umask here.
    program.add('fchmodat', 0, file, null, 0o644);
    program.add('setxattr', 0, file, `${overlayPrefix(this.#dialect)}whiteout`, Buffer.alloc(0), 0);
    program.close(file);
  }
}

/** The attribute by which a directory says so, if it has to. */
export function opaqueMark(node: TreeNode, dialect: Dialect): (readonly [string, Buffer])[] {
  if (!node.opaque && !node.marked) return [];
  return [[`${overlayPrefix(dialect)}opaque`, encodeOpaque(node.opaque ? 'opaque' : 'whiteouts')]];
}
