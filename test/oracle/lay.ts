// Lays trees out by hand: what a layer holds, as an object that a test can show whole.
import { lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD, S_IFCHR } from '../../lib/kernel/constants.ts';
import { below, withEntry } from './snapshot.ts';

export type Xattrs = Readonly<Record<string, string | Buffer>>;

export interface Laid {
  /** Makes a directory. */
  readonly dir?: Tree;
  readonly file?: string;
  readonly link?: string;
  /** A character device 0:0. */
  readonly whiteout?: true;
  readonly mode?: number;
  readonly owner?: number;
  readonly xattrs?: Xattrs;
}

/** Names, one character a byte, to what they name: a string is a file's content. */
export interface Tree {
  readonly [name: string]: string | Laid;
}

export const whiteout: Laid = { whiteout: true };

export function dir(tree: Tree = {}, xattrs: Xattrs = {}): Laid {
  return { dir: tree, xattrs };
}

export function file(content: string, xattrs: Xattrs = {}): Laid {
  return { file: content, xattrs };
}

function layOne(path: Buffer, laid: Laid): void {
  if (laid.dir !== undefined) mkdirSync(path, { mode: 0o755 });
  if (laid.file !== undefined) writeFileSync(path, laid.file, { flag: 'wx', mode: 0o644 });
  if (laid.link !== undefined) symlinkSync(laid.link, path);
  if (laid.whiteout) callSync('mknodat', AT_FDCWD, path, S_IFCHR, 0);
  if (laid.dir !== undefined) lay(path, laid.dir);
  if (laid.owner !== undefined) lchownSync(path, laid.owner, laid.owner);
  if (laid.mode !== undefined) callSync('fchmodat', AT_FDCWD, path, laid.mode);
  setXattrs(path, laid.xattrs ?? {});
}

export function setXattrs(path: Buffer, xattrs: Xattrs): void {
  withEntry(path, (fd) => {
    for (const [name, value] of Object.entries(xattrs)) callSync('setxattr', fd, name, Buffer.from(value), 0);
  });
}

/** Lays the tree into a directory that is there; it may be the path of an open one, and the tree of any depth. */
export function lay(root: string | Buffer, tree: Tree): void {
  withEntry(Buffer.concat([Buffer.from(root), Buffer.from('/.')]), (fd) => {
    const here = Buffer.from(`/proc/self/fd/${fd}`);
    for (const [name, laid] of Object.entries(tree))
      layOne(below(here, Buffer.from(name, 'latin1')), typeof laid === 'string' ? file(laid) : laid);
  });
}
