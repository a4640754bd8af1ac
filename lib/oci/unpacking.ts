// Puts the entries of a layer into a directory, one after the other, whatever order they come in.

import { readLayerName, readLinkTarget } from '../format/oci/whiteout-name.ts';
import { latin1ToPath } from '../format/path-bytes.ts';
import type { TarEntry } from '../format/tar/entry.ts';
import type { TarEvent } from '../format/tar/reader.ts';
import { badLink, notDirectory } from './bad-entry.ts';
import { type Batches, nameBytes } from './batch.ts';
import type { Creation } from './creation.ts';
import type { Dropped } from './dropped.ts';
import { type AttributeRules, attributesOf } from './entry-attributes.ts';
import { type FileContent, makeFile } from './file-content.ts';
import type { Limits } from './limits.ts';
import { becomeImplied, Removal } from './removal.ts';
import { type Attributes, directoryAt, IMPLIED, namesOf, nodeAt, TreeNode } from './tree.ts';

/** What a layer below has at a path. */
export interface LowerEntry {
  readonly entry: TarEntry;
  readonly attributes: Attributes;
  readonly content: () => AsyncIterable<Buffer>;
}

export interface UnpackingParts {
  readonly root: TreeNode;
  readonly batches: Batches;
  readonly creation: Creation;
  readonly limits: Limits;
  readonly rules: AttributeRules;
  /** The tree holds what the layer is laid over. */
  readonly plain: boolean;
  /** For hard links to what the layer does not have. */
  readonly fromBelow: (names: readonly string[]) => Promise<LowerEntry | undefined>;
}

export class Unpacking {
  readonly dropped: Dropped[] = [];
  /** Deletions of a layer for an overlay: each the names of its path. */
  readonly whiteouts: string[][] = [];
  readonly opaques: string[][] = [];
  entries = 0;
  /** Of content. */
  bytes = 0;
  readonly #parts: UnpackingParts;
  readonly #leftovers: TreeNode[] = [];
  readonly #removal: Removal;
  #content: FileContent | undefined;
  #lastNames = '';
  #lastParent: TreeNode | undefined;

  constructor(parts: UnpackingParts) {
    this.#parts = parts;
    this.#removal = new Removal(parts.batches);
  }

  async #remove(node: TreeNode): Promise<void> {
    this.#lastParent = undefined;
    await this.#removal.remove(node);
  }

  async take(event: TarEvent): Promise<void> {
    if (event.kind === 'entry') return await this.#entry(event.entry);
    this.bytes += event.bytes.length;
    await this.#content?.write(event.offset, event.bytes);
  }

  /** Ends the entry before; nothing of it follows. */
  async endEntry(): Promise<void> {
    const content = this.#content;
    await content?.end();
    this.#content = undefined;
    if (this.#parts.batches.full) await this.#parts.batches.send();
  }

  async abandon(): Promise<void> {
    await this.#content?.abandon();
    this.#content = undefined;
  }

  /** Takes away what was only there for hard links to it. */
  async removeLeftovers(): Promise<void> {
    for (const node of this.#leftovers) {
      if (node.parent?.children.get(node.name) === node) await this.#remove(node);
    }
  }

  async #entry(entry: TarEntry): Promise<void> {
    this.entries += 1;
    const word = readLayerName(entry.name);
    const names = namesOf(word.path);
    this.#parts.limits.entry(entry.size, names.length);
    switch (word.kind) {
      case 'whiteout':
        return await this.#delete(names, false);
      case 'opaque':
        return await this.#delete(names, true);
      case 'leftover':
        if (entry.type === 'file') await this.#make(entry, names, true);
        this.dropped.push({
          path: latin1ToPath(names.join('/')),
          what: 'leftover',
          why: 'AUFS left it, and it is no part of the content',
        });
        return;
      case 'entry':
        return await this.#make(entry, names, false);
    }
  }

  async #delete(names: string[], opaque: boolean): Promise<void> {
    if (!this.#parts.plain) {
      (opaque ? this.opaques : this.whiteouts).push(names);
      return;
    }
    const node = nodeAt(this.#parts.root, names, names.join('/'));
    if (node === undefined) return;
    if (opaque) await this.#removal.removeOld(node);
    else if (!node.fresh && !(await this.#removal.removeOld(node))) await this.#remove(node);
    else if (!node.fresh) becomeImplied(node);
  }

  #parentOf(names: readonly string[]): TreeNode {
    const whole = names.join('/');
    const above = names.slice(0, -1);
    const key = above.join('/');
    // Most entries follow one of the same directory.
    const known = key === this.#lastNames ? this.#lastParent : undefined;
    if (known !== undefined) return known;
    const parent = directoryAt(this.#parts.root, above, whole, (at, name) => this.imply(at, name))!;
    this.#lastNames = key;
    this.#lastParent = parent;
    return parent;
  }

  /** Makes a directory that no entry has told of yet. */
  imply(parent: TreeNode, name: string): TreeNode {
    const { batches, creation, limits } = this.#parts;
    const old = parent.children.get(name);
    limits.depth(parent.depth + 1);
    const path = parent.path === '' ? name : `${parent.path}/${name}`;
    batches.about(path);
    // Of before, and no directory.
    if (old !== undefined) batches.program.add('unlinkat', 0, batches.directory(parent), nameBytes(name), 0);
    creation.directory(parent, name);
    const node = new TreeNode(parent, name, 'directory', true);
    node.implied = true;
    node.attributes = IMPLIED;
    return node;
  }

  async #make(entry: TarEntry, names: readonly string[], leftover: boolean): Promise<void> {
    const { root, rules } = this.#parts;
    const path = names.join('/');
    const add = (dropped: Dropped) => this.dropped.push(dropped);
    const name = names.at(-1);
    if (name === undefined) {
      if (entry.type !== 'directory') throw notDirectory(entry.type);
      root.attributes = attributesOf(entry, path, rules, add);
      root.implied = false;
      root.bare = true;
      return;
    }
    const parent = this.#parentOf(names);
    const old = parent.children.get(name);
    if (entry.type === 'hardlink') return await this.#link(entry, parent, name, old);
    if (entry.type === 'directory' && old?.kind === 'directory') {
      old.attributes = attributesOf(entry, path, rules, add);
      old.implied = false;
      old.fresh = old.bare = true;
      return;
    }
    if (isNothing(entry, rules.rootless)) {
      if (old !== undefined) await this.#remove(old);
      const why = rules.rootless ? 'only root may make it' : 'a device 0:0 would be a whiteout';
      add({ path: latin1ToPath(path), what: 'device', why });
      return;
    }
    if (old !== undefined) await this.#remove(old);
    const node = await this.#create(entry, parent, name, attributesOf(entry, path, rules, add));
    if (leftover && node !== undefined) this.#leftovers.push(node);
  }

  async #create(entry: TarEntry, parent: TreeNode, name: string, attributes: Attributes): Promise<TreeNode> {
    const { batches, creation } = this.#parts;
    batches.about(parent.path === '' ? name : `${parent.path}/${name}`);
    if (entry.type === 'directory') {
      creation.directory(parent, name);
      const node = new TreeNode(parent, name, 'directory', true);
      node.attributes = attributes;
      return node;
    }
    if (entry.type === 'symlink') {
      creation.symlink(parent, name, entry.linkname, attributes);
      return new TreeNode(parent, name, 'symlink', true, entry.linkname.toString('latin1'));
    }
    const node = new TreeNode(parent, name, 'other', true);
    if (entry.type === 'file')
      this.#content = await makeFile(batches, creation, parent, name, entry, attributes);
    else creation.special(parent, name, entry.type as 'fifo' | 'character' | 'block', attributes);
    return node;
  }

  async #link(
    { name: given, linkname }: TarEntry,
    parent: TreeNode,
    name: string,
    old: TreeNode | undefined,
  ) {
    const path = readLinkTarget(linkname);
    const names = namesOf(path);
    const target =
      nodeAt(this.#parts.root, names, given.toString('latin1')) ?? (await this.#copyUp(given, names));
    // Another name for itself.
    if (target === old) return;
    if (target.kind === 'directory') throw badLink(given, path, 'which is a directory');
    if (old !== undefined) await this.#remove(old);
    this.#parts.batches.about(parent.path === '' ? name : `${parent.path}/${name}`);
    this.#parts.creation.link(target.parent!, target.name, parent, name);
    new TreeNode(parent, name, target.kind, true, target.link);
  }

  /** As in an overlay: what gets another name comes up with the one that it has. */
  async #copyUp(given: Buffer, names: readonly string[]): Promise<TreeNode> {
    const lower = await this.#parts.fromBelow(names);
    if (lower === undefined) {
      const problem = 'which is neither in the layer nor known to be below it';
      throw badLink(given, Buffer.from(names.join('/'), 'latin1'), problem);
    }
    const { entry, attributes, content } = lower;
    const node = await this.#create(entry, this.#parentOf(names), names.at(-1)!, attributes);
    if (entry.type === 'file') {
      let offset = 0;
      for await (const bytes of content()) {
        await this.#content!.write(offset, bytes);
        offset += bytes.length;
      }
    }
    await this.endEntry();
    return Object.assign(node, { broughtUp: true });
  }
}

function isNothing({ type, device }: TarEntry, rootless: boolean): boolean {
  if (type !== 'character' && type !== 'block') return false;
  return rootless || (type === 'character' && device.major === 0 && device.minor === 0);
}
