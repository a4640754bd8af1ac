// One layer of an image as a tree of names, read without keeping its content: what is where, and how many bytes it is.
import { createHash, type Hash } from 'node:crypto';
import { readLayerName, readLinkTarget } from '../format/oci/whiteout-name.ts';
import type { EntryType, TarEntry } from '../format/tar/entry.ts';
import type { TarEvent } from '../format/tar/reader.ts';
import { badLink, notDirectory } from './bad-entry.ts';
import type { LayerTaker } from './layer-stream.ts';
import type { Limits } from './limits.ts';
import { directoryAt, namesOf, nodeAt, TreeNode } from './tree.ts';

/** Content that a layer carries once, whatever the number of its names. */
export interface Content {
  readonly layer: number;
  /** Bytes; holes are none. */
  bytes: number;
  /** Of it with its size, so that equal ones are known; as short as that allows. */
  digest: string;
  /** How many names of the tree have it. */
  names: number;
  /** It is in an account already. */
  counted: boolean;
}

export class LayerNode extends TreeNode {
  declare readonly children: Map<string, LayerNode>;
  type: Exclude<EntryType, 'hardlink'> = 'directory';
  /** Mode, owner, time, attributes: equal texts look alike. Of a directory without its time, which says nothing of itself. */
  look = '';
  content: Content | undefined;
  /** What it deletes of layers below. */
  deletes: Set<string> | undefined;
  /** It is there for deletions alone, and makes no directory. */
  ghost = false;
  /** Another name for this path of layers below. */
  linkBelow: readonly string[] | undefined;
}

function lookOf({ mode, uid, gid, mtime, device, linkname, xattrs, type }: TarEntry): string {
  const attributes = xattrs.map(
    ({ name, value }) => `${name.toString('latin1')}=${value.toString('base64')}`,
  );
  const of = type === 'symlink' ? linkname.toString('latin1') : `${device.major}:${device.minor}`;
  return [mode, uid, gid, type === 'directory' ? '' : mtime, of, ...attributes.sort()].join(' ');
}

export class LayerTree implements LayerTaker {
  readonly root: LayerNode = new LayerNode(undefined, '', 'directory', true);
  /** All that it carries, seen in the end or not. */
  readonly contents: Content[] = [];
  /** Entries of the archive. */
  entries = 0;
  /** What a later entry of the layer itself took the place of, with the path where that was. */
  readonly replaced: { readonly path: string; readonly content: Content }[] = [];
  /** Hard links to layers below, those among them that later entries took the place of. */
  readonly linksBelow: { readonly name: Buffer; readonly names: readonly string[] }[] = [];
  /** Files of AUFS's by their paths: seen by nobody but hard links to them. */
  readonly leftovers: Map<string, LayerNode> = new Map();
  readonly #layer: number;
  readonly #limits: Limits;
  readonly #whiteouts: string[][] = [];
  readonly #opaques: string[][] = [];
  #open: Content | undefined;
  #hash: Hash | undefined;

  constructor(layer: number, limits: Limits) {
    this.#layer = layer;
    this.#limits = limits;
    this.root.implied = true;
  }

  /** Bytes of content that it carries. */
  get bytes(): number {
    return this.contents.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  take(event: TarEvent): void {
    if (event.kind === 'entry') this.#entry(event.entry);
    else if (this.#open !== undefined) {
      this.#open.bytes += event.bytes.length;
      this.#hash!.update(event.bytes);
    }
  }

  endEntry(): void {
    // Half of a SHA-256 is enough to know equal contents of one path.
    if (this.#open !== undefined) this.#open.digest = this.#hash!.digest().toString('latin1', 0, 16);
    this.#open = undefined;
  }

  /** All entries are there: only now deletions have their places, since their order means nothing. */
  finish(): void {
    for (const names of this.#opaques) this.#directoryAt(names).opaque = true;
    for (const names of this.#whiteouts) {
      const parent = directoryAt(this.root, names.slice(0, -1), names.join('/'), (at, name) => {
        const ghost = this.#imply(at as LayerNode, name);
        ghost.ghost = true;
        return ghost;
      }) as LayerNode;
      parent.deletes ??= new Set();
      parent.deletes.add(names.at(-1)!);
    }
  }

  #entry(entry: TarEntry): void {
    this.entries += 1;
    const { kind, path } = readLayerName(entry.name);
    const names = namesOf(path);
    this.#limits.entry(entry.size, names.length);
    if (kind === 'entry') this.#make(entry, names);
    else if (kind === 'whiteout') this.#whiteouts.push(names);
    else if (kind === 'opaque') this.#opaques.push(names);
    else if (entry.type === 'file') this.#leave(entry, names.join('/'));
  }

  #imply(parent: LayerNode, name: string): LayerNode {
    this.#limits.depth(parent.depth + 1);
    const node = new LayerNode(parent, name, 'directory', true);
    node.implied = true;
    return node;
  }

  #directoryAt(names: readonly string[]): LayerNode {
    const imply = (at: TreeNode, name: string) => this.#imply(at as LayerNode, name);
    return directoryAt(this.root, names, names.join('/'), imply) as LayerNode;
  }

  #begin(entry: TarEntry): Content {
    const content = { layer: this.#layer, bytes: 0, digest: '', names: 0, counted: false };
    this.contents.push(content);
    this.#open = content;
    this.#hash = createHash('sha256').update(JSON.stringify([entry.size, entry.extents]));
    return content;
  }

  #leave(entry: TarEntry, path: string): void {
    const node = new LayerNode(undefined, '', 'other', true);
    describe(node, entry);
    node.content = this.#begin(entry);
    const old = this.leftovers.get(path);
    if (old !== undefined) this.#unseen(path, old.content!);
    this.leftovers.set(path, node);
  }

  /** Takes the names of an entry, and of all in it, away; nobody sees what has none left. */
  #replace(old: LayerNode, path: string): void {
    for (const child of old.children.values()) this.#replace(child, path);
    if (old.content === undefined) return;
    old.content.names -= 1;
    this.#unseen(path, old.content);
  }

  #unseen(path: string, content: Content): void {
    if (content.names > 0) return;
    content.counted = true;
    this.replaced.push({ path, content });
  }

  #make(entry: TarEntry, names: readonly string[]): void {
    const name = names.at(-1);
    if (name === undefined) {
      if (entry.type !== 'directory') throw notDirectory(entry.type);
      describe(this.root, entry);
      return;
    }
    const parent = this.#directoryAt(names.slice(0, -1));
    const old = parent.children.get(name);
    if (entry.type === 'hardlink') this.#link(entry, parent, name, old);
    else if (entry.type === 'directory' && old?.kind === 'directory') describe(old, entry);
    else {
      if (old !== undefined) this.#replace(old, old.path);
      old?.remove();
      if (!isDeletion(entry)) this.#create(entry, parent, name);
    }
  }

  #create(entry: TarEntry, parent: LayerNode, name: string): void {
    const kind = entry.type === 'directory' || entry.type === 'symlink' ? entry.type : 'other';
    const target = kind === 'symlink' ? entry.linkname.toString('latin1') : '';
    const node = new LayerNode(parent, name, kind, true, target);
    describe(node, entry);
    if (entry.type === 'file') give(node, this.#begin(entry));
  }

  #link({ name: given, linkname }: TarEntry, parent: LayerNode, name: string, old?: LayerNode): void {
    const path = readLinkTarget(linkname);
    const names = namesOf(path);
    const target =
      this.leftovers.get(names.join('/')) ??
      (nodeAt(this.root, names, given.toString('latin1')) as LayerNode | undefined);
    // Another name for itself.
    if (target !== undefined && target === old) return;
    if (target?.kind === 'directory') throw badLink(given, path, 'which is a directory');
    const node = new LayerNode(parent, name, target?.kind ?? 'other', true, target?.link ?? '');
    if (target === undefined) {
      node.linkBelow = names;
      this.linksBelow.push({ name: given, names });
    } else become(node, target);
    if (old !== undefined) this.#replace(old, old.path);
  }
}

/** In a layer for an overlay a device 0:0 would delete a name; it is left out there. */
function isDeletion({ type, device: { major, minor } }: TarEntry): boolean {
  return type === 'character' && major === 0 && minor === 0;
}

function describe(node: LayerNode, entry: TarEntry): void {
  node.type = entry.type as LayerNode['type'];
  node.look = lookOf(entry);
  node.implied = false;
}

/** Another name of it. */
function give(node: LayerNode, content: Content | undefined): void {
  node.content = content;
  if (content !== undefined) content.names += 1;
}

/** What a hard link is. */
export function become(node: LayerNode, target: LayerNode): void {
  node.type = target.type;
  node.look = target.look;
  node.linkBelow = target.linkBelow;
  give(node, target.content);
}
