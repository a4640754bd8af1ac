// The calls that make one entry with all that belongs to it, in the order in which none takes back what another gave.
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
} from '../kernel/constants.ts';
import { MAY_FAIL, type Program } from '../kernel/program.ts';
import { statxWithMtime } from '../kernel/stat.ts';
import { type Batches, CONFINED, nameBytes } from './batch.ts';
import type { Attributes, TreeNode } from './tree.ts';

/** What new files come into the world with. */
export interface Maker {
  /** Effective ids of this process. */
  readonly uid: number;
  readonly gid: number;
  readonly umask: number;
  /** New files may have another group or an ACL, of the directory they are in. */
  readonly inherits: boolean;
  /** Owners are not set (rootless.ts). */
  readonly ownsAll: boolean;
}

const SPECIAL = 0o7000;

/** As mknod(2) takes it: makedev(3) in 32 bits. */
export function deviceNumber({ major, minor }: Attributes['device']): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export class Creation {
  readonly #batches: Batches;
  readonly #maker: Maker;

  constructor(batches: Batches, maker: Maker) {
    this.#batches = batches;
    this.#maker = maker;
  }

  get #program(): Program {
    return this.#batches.program;
  }

  #isOurs({ uid, gid }: Attributes): boolean {
    const { uid: ownUid, gid: ownGid, inherits, ownsAll } = this.#maker;
    return ownsAll || (!inherits && uid === ownUid && gid === ownGid);
  }

  /** Whether open(2) can give it all that it needs but the time. */
  #isPlain(attributes: Attributes): boolean {
    const { umask, inherits } = this.#maker;
    const { mode, xattrs } = attributes;
    return !inherits && xattrs.length === 0 && (mode & (SPECIAL | umask)) === 0 && this.#isOurs(attributes);
  }

  /** A new file, open for writing. */
  open(parent: TreeNode, name: string, attributes: Attributes, flags: number): number {
    // Whoever may not write in the file must still be able to set its attributes.
    const mode = this.#isPlain(attributes) ? attributes.mode : 0o600;
    const dir = this.#batches.directory(parent);
    const how = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
    return this.#program.add('openat', flags, dir, nameBytes(name), how, mode);
  }

  /** @param file a descriptor of the program, or one that it is given; it can do more than O_PATH */
  finish(file: number, attributes: Attributes, program: Program = this.#program): void {
    if (!this.#isPlain(attributes)) {
      this.#own(program, file, attributes);
      this.#attach(program, file, attributes);
      program.add('fchmodat', 0, file, null, attributes.mode);
    }
    program.add('utimensat_of', 0, file, null, statxWithMtime(attributes.mtime), 0);
  }

  #own(program: Program, file: number, attributes: Attributes): void {
    if (this.#isOurs(attributes)) return;
    program.add('fchownat', 0, file, '', attributes.uid, attributes.gid, AT_EMPTY_PATH);
  }

  #attach(program: Program, file: number, { xattrs }: Attributes): void {
    for (const [name, value] of xattrs) program.add('setxattr', 0, file, nameBytes(name), value, 0);
  }

  directory(parent: TreeNode, name: string): void {
    this.#program.add('mkdirat', 0, this.#batches.directory(parent), nameBytes(name), 0o700);
  }

  symlink(parent: TreeNode, name: string, target: Buffer, attributes: Attributes): void {
    const dir = this.#batches.directory(parent);
    this.#program.add('symlinkat', 0, target, dir, nameBytes(name));
    this.#finishByName(dir, name, attributes);
  }

  special(
    parent: TreeNode,
    name: string,
    type: 'fifo' | 'character' | 'block',
    attributes: Attributes,
  ): void {
    const kind = { fifo: S_IFIFO, character: S_IFCHR, block: S_IFBLK }[type];
    const device = type === 'fifo' ? 0 : deviceNumber(attributes.device);
    const dir = this.#batches.directory(parent);
    this.#program.add('mknodat', 0, dir, nameBytes(name), kind | 0o600, device);
    this.#finishByName(dir, name, attributes, attributes.mode);
  }

  /** What cannot be opened, or should not. The directory is ours alone, and no link is followed. */
  #finishByName(dir: number, name: string, attributes: Attributes, mode?: number): void {
    const program = this.#program;
    const bytes = nameBytes(name);
    const { uid, gid, mtime } = attributes;
    if (!this.#isOurs(attributes)) program.add('fchownat', 0, dir, bytes, uid, gid, AT_SYMLINK_NOFOLLOW);
    if (attributes.xattrs.length > 0) {
      const file = program.add('openat', 0, dir, bytes, O_PATH | O_NOFOLLOW, 0);
      this.#attach(program, file, attributes);
      program.close(file);
    }
    if (mode !== undefined) program.add('fchmodat', 0, dir, bytes, mode);
    program.add('utimensat_of', 0, dir, bytes, statxWithMtime(mtime), AT_SYMLINK_NOFOLLOW);
  }

  link(from: TreeNode, fromName: string, to: TreeNode, toName: string): void {
    const [source, target] = [this.#batches.directory(from), this.#batches.directory(to)];
    this.#program.add('linkat', 0, source, nameBytes(fromName), target, nameBytes(toName), 0);
  }

  /** Gives a directory, into which nothing comes any more, what belongs to it. */
  finishDirectory(node: TreeNode, attributes: Attributes, stale: readonly string[]): void {
    const program = this.#program;
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const path = node.parent === undefined ? '.' : nameBytes(node.path);
    const dir = program.add('openat2', 0, this.#batches.root, path, flags, 0, CONFINED);
    this.#own(program, dir, attributes);
    for (const name of stale) program.add('removexattr', MAY_FAIL, dir, nameBytes(name));
    this.#attach(program, dir, attributes);
    program.add('fchmodat', 0, dir, null, attributes.mode);
    program.add('utimensat_of', 0, dir, null, statxWithMtime(attributes.mtime), 0);
    program.close(dir);
  }

  /** Takes back that entries came or went. */
  finishTime(node: TreeNode, mtime: bigint): void {
    const path = node.parent === undefined ? '.' : nameBytes(node.path);
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const dir = this.#program.add('openat2', 0, this.#batches.root, path, flags, 0, CONFINED);
    this.#program.add('utimensat_of', 0, dir, null, statxWithMtime(mtime), 0);
    this.#program.close(dir);
  }
}
