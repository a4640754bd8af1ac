// What is in the directory that a layer is unpacked into, kept in memory: every path is resolved here, so that the kernel
// can be told to follow no link at all.
//
// Links on the way lead as they would below a root of their own (RESOLVE_IN_ROOT of openat2(2)): `/` and `..` never above it.

import { latin1ToPath } from '../format/path-bytes.ts';
import type { DeviceNumber } from '../format/tar/entry.ts';
import { failure, quoted } from './failure.ts';

/** As many links as the kernel follows. Source: path_resolution(7). */
const MOST_LINKS = 40;

/** What a file gets besides its content. Names of attributes as latin1 text. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
  readonly device: DeviceNumber;
}

/** Of a directory that only had to be there. */
export const IMPLIED: Attributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0n,
  xattrs: [],
  device: { major: 0, minor: 0 },
};

export type NodeKind = 'directory' | 'symlink' | 'other';

export class TreeNode {
  parent: TreeNode | undefined;
  /** One character a byte. */
  readonly name: string;
  readonly kind: NodeKind;
  /** Of the layer that is being unpacked; not of what was there before. */
  fresh: boolean;
  /** Of a directory alone. */
  readonly children: Map<string, TreeNode>;
  /** Of a symbolic link alone. */
  readonly link: string;
  /** What a directory gets at the end, when nothing comes into it any more. */
  attributes: Attributes | undefined;
  /** No entry of the archive is about it: it only had to be there. */
  implied = false;
  /** It came up from a layer below, for a hard link of this one to it. */
  broughtUp = false;
  /** It hides what lower layers have in it. */
  opaque = false;
  /** It holds deletions in the form of attributes. */
  marked = false;
  /** Attributes of before are to be taken away. */
  bare = false;
  /** Entries came or went. */
  touched = false;
  /** Of a directory that was there before: its own time, which it is to keep. */
  mtime: bigint | undefined;
  #path: string | undefined;

  constructor(parent: TreeNode | undefined, name: string, kind: NodeKind, fresh: boolean, link = '') {
    this.parent = parent;
    this.name = name;
    this.kind = kind;
    this.fresh = fresh;
    this.link = link;
    this.children = kind === 'directory' ? new Map() : NONE;
    if (parent === undefined) return;
    parent.children.set(name, this);
    parent.touched = true;
  }

  /** From the root, without a slash before it; empty for the root. */
  get path(): string {
    if (this.#path === undefined) {
      const above = this.parent?.path ?? '';
      this.#path = above === '' ? this.name : `${above}/${this.name}`;
    }
    return this.#path;
  }

  get depth(): number {
    let depth = 0;
    for (let node = this.parent; node !== undefined; node = node.parent) depth++;
    return depth;
  }

  remove(): void {
    if (this.parent === undefined) return;
    this.parent.children.delete(this.name);
    this.parent.touched = true;
  }

  /** Whether lower layers are hidden here, by it or a directory above. */
  get hidesLower(): boolean {
    return this.opaque || (this.parent?.hidesLower ?? false);
  }
}

const NONE: Map<string, TreeNode> = new Map();

/** The names of a path, one character a byte; the root has none. */
export const namesOf = (path: Buffer): string[] =>
  path.length === 0 ? [] : path.toString('latin1').split('/');

/** For messages. */
export function shownPath(path: string): string {
  return quoted(path === '' ? '.' : (latin1ToPath(path) as string));
}

function badPath(path: string, problem: string) {
  return failure(
    'ERR_OVERLAY_LAYER_PATH',
    `the layer has an entry ${shownPath(path)}, and ${problem}`,
    'do not trust this layer: the tools that make layers write no such entries',
  );
}

/** Makes the directory `name` in `parent`, which no entry told of; undefined leaves it missing. */
export type Implied = (parent: TreeNode, name: string) => TreeNode | undefined;

/**
 * The directory that a path leads to; undefined when a part of it is not there and `implied` makes none.
 *
 * @param whole for messages: the path of the entry
 * @throws {OverlayError} ERR_OVERLAY_LAYER_PATH where the way leads through no directory, or links in a circle
 */
export function directoryAt(
  root: TreeNode,
  names: readonly string[],
  whole: string,
  implied: Implied,
): TreeNode | undefined {
  let at = root;
  let links = 0;
  const left = names.toReversed();
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      at = at.parent ?? root;
      continue;
    }
    const next = at.children.get(name);
    if (next?.kind === 'directory') at = next;
    else if (next?.kind === 'symlink') {
      if (++links > MOST_LINKS) throw badPath(whole, 'symbolic links on the way to it lead in a circle');
      if (next.link.startsWith('/')) at = root;
      left.push(...next.link.split('/').reverse());
    } else if (next?.fresh) throw badPath(whole, `${shownPath(next.path)} on the way to it is no directory`);
    else {
      const made = implied(at, name);
      if (made === undefined) return undefined;
      at = made;
    }
  }
  return at;
}

/** The entry at a path, no link at its end followed; undefined when there is none. */
export function nodeAt(root: TreeNode, names: readonly string[], whole: string): TreeNode | undefined {
  const last = names.at(-1);
  if (last === undefined) return root;
  return directoryAt(root, names.slice(0, -1), whole, () => undefined)?.children.get(last);
}

/** All directories, each after those in it. */
export function* directoriesOf(node: TreeNode): Generator<TreeNode> {
  for (const child of node.children.values()) if (child.kind === 'directory') yield* directoriesOf(child);
  yield node;
}

/** What is there is of before, for the layer that comes. */
export function settleTree(node: TreeNode): void {
  node.fresh = false;
  for (const child of node.children.values()) settleTree(child);
}
