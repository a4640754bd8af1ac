// One directory that gets a layer, or several one over the other, and its attributes at the end.
import type { Readable } from 'node:stream';
import type { PathLike } from '../format/mount-spec.ts';
import type { Digest } from '../format/oci/digest.ts';
import type { Dialect } from '../format/overlay-xattr.ts';
import { call, close } from '../kernel/call.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../kernel/constants.ts';
import { runAsync } from '../kernel/routine.ts';
import { dialectFor } from '../layer/caller-dialect.ts';
import { Batches, CONFINED, nameBytes } from './batch.ts';
import { Below } from './below.ts';
import { Creation } from './creation.ts';
import { Deletions, opaqueMark } from './deletions.ts';
import type { Dropped } from './dropped.ts';
import { readTree } from './existing-tree.ts';
import { explained } from './failure.ts';
import { type LayerReading, readLayer, requireDiffId } from './layer-stream.ts';
import { Limits } from './limits.ts';
import { refused } from './refusals.ts';
import type { Staging } from './staging.ts';
import { type Attributes, directoriesOf, IMPLIED, settleTree, TreeNode } from './tree.ts';
import type { ReadUnpackOptions, UnpackOptions } from './unpack-options.ts';
import { Unpacking } from './unpacking.ts';

export interface Unpacked {
  /** Digest of the layer without its compression. */
  readonly diffId: Digest;
  /** Of the archive, deletions among them. */
  readonly entries: number;
  /** Of content. */
  readonly bytes: number;
  /** What the layer says and the directory did not get. */
  readonly dropped: readonly Dropped[];
}

export class TreeUnpacking {
  readonly #root: TreeNode;
  readonly #batches: Batches;
  readonly #creation: Creation;
  readonly #dialect: Dialect;
  readonly #options: ReadUnpackOptions;

  private constructor(
    root: TreeNode,
    batches: Batches,
    creation: Creation,
    dialect: Dialect,
    options: ReadUnpackOptions,
  ) {
    this.#root = root;
    this.#batches = batches;
    this.#creation = creation;
    this.#dialect = dialect;
    this.#options = options;
  }

  static async in(staging: Staging, shown: string, options: ReadUnpackOptions): Promise<TreeUnpacking> {
    const { xattrs, rootless = false } = options;
    const userxattr = xattrs === undefined ? undefined : xattrs === 'user';
    const dialect = rootless && xattrs === undefined ? 'user' : await runAsync(dialectFor(userxattr));
    const { inPlace } = staging;
    const root = inPlace
      ? await readTree(staging.fd, shown)
      : new TreeNode(undefined, '', 'directory', false);
    if (!inPlace) root.attributes = IMPLIED;
    const batches = new Batches(staging.fd, shown, refused);
    const creation = new Creation(batches, {
      uid: process.geteuid!(),
      gid: process.getegid!(),
      umask: process.umask(),
      inherits: inPlace,
      ownsAll: rootless,
    });
    return new TreeUnpacking(root, batches, creation, dialect, options);
  }

  /** @param own what holds for this layer alone */
  async layer(
    source: Readable | PathLike,
    own: Pick<UnpackOptions, 'diffId' | 'onProgress'> = {},
  ): Promise<Unpacked> {
    const { format = 'overlay', lowers, rootless = false, limits: given, signal } = this.#options;
    const { diffId, onProgress } = { ...this.#options, ...own };
    const plain = format === 'plain';
    await using below = new Below(plain ? undefined : lowers, this.#dialect);
    const limits = new Limits(given);
    settleTree(this.#root);
    const unpacking = new Unpacking({
      root: this.#root,
      batches: this.#batches,
      creation: this.#creation,
      limits,
      rules: { escape: plain ? undefined : this.#dialect, rootless },
      plain,
      fromBelow: (names) => below.copyable(names),
    });
    const reading: LayerReading = { read: 0, unpacked: 0, diffId: undefined };
    const report = this.#reporter(unpacking, reading, onProgress);
    try {
      const taker = {
        take: unpacking.take.bind(unpacking),
        endEntry: async () => {
          await unpacking.endEntry();
          report();
        },
      };
      await readLayer(source, reading, limits, taker, signal);
      if (diffId !== undefined) requireDiffId(reading, diffId);
      await unpacking.removeLeftovers();
      if (!plain) {
        const { whiteouts = 'auto' } = this.#options;
        await new Deletions(this.#root, this.#batches, unpacking, below, this.#dialect, whiteouts).make();
        if (below.known) await this.#inherit(below);
      }
      await this.#batches.settle();
    } catch (error) {
      await unpacking.abandon();
      await this.#batches.stop();
      throw error;
    }
    const { entries, bytes, dropped } = unpacking;
    onProgress?.({ entries, bytes, read: reading.read });
    return { diffId: reading.diffId!, entries, bytes, dropped };
  }

  /** Some hundred times a layer, so that who draws it has little to do. */
  #reporter(
    unpacking: Unpacking,
    reading: LayerReading,
    onProgress: UnpackOptions['onProgress'],
  ): () => void {
    if (onProgress === undefined) return () => {};
    let read = 0;
    return () => {
      if (reading.read === read) return;
      ({ read } = reading);
      onProgress({ entries: unpacking.entries, bytes: unpacking.bytes, read });
    };
  }

  /** Directories that no entry told of are those that are below. */
  async #inherit(below: Below): Promise<void> {
    for (const node of directoriesOf(this.#root)) {
      const names = node.path === '' ? [] : node.path.split('/');
      const isImplied = node.implied || (node === this.#root && node.attributes === IMPLIED);
      if (!isImplied || node.opaque) continue;
      const entry = await below.entry(names);
      if (entry?.type === 'directory') node.attributes = below.attributesOf(entry);
    }
  }

  /** Gives all directories what belongs to them, the innermost first. @throws {OverlayError} */
  async finish(): Promise<void> {
    for (const node of directoriesOf(this.#root)) {
      if (node.attributes === undefined && !(node.touched && node.mtime !== undefined)) continue;
      this.#batches.about(node.path);
      if (node.attributes === undefined) this.#creation.finishTime(node, node.mtime!);
      else {
        const stale = node.bare && node.mtime !== undefined ? await this.#namesOfOld(node) : [];
        this.#creation.finishDirectory(node, this.#withMark(node, node.attributes), stale);
      }
      if (this.#batches.full) await this.#batches.send();
    }
    await this.#batches.settle();
  }

  #withMark(node: TreeNode, attributes: Attributes): Attributes {
    const mark = opaqueMark(node, this.#dialect);
    return mark.length === 0 ? attributes : { ...attributes, xattrs: [...attributes.xattrs, ...mark] };
  }

  async #namesOfOld(node: TreeNode): Promise<string[]> {
    try {
      const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
      const path = node.path === '' ? '.' : nameBytes(node.path);
      const fd = await runAsync(call('openat2', this.#batches.root, path, flags, 0, CONFINED));
      try {
        const list = await runAsync(call('listxattr', fd));
        return list
          .toString('latin1')
          .split('\0')
          .filter((name) => name !== '' && name !== 'security.selinux');
      } finally {
        close(fd);
      }
    } catch (error) {
      throw explained(error, node.path);
    }
  }
}
