// What entries of the upper tell of those of the lower that the kernel copied them from: which, and when that was.
import { decodeOrigin } from '../format/origin.ts';
import {
  type Dialect,
  formatOverlayXattr,
  type OverlayNote,
  sinceNoteName,
} from '../format/overlay-xattr.ts';
import { call, callAsync, close } from '../kernel/call.ts';
import { AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, O_PATH, STATX_BTIME } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { reach } from '../kernel/reach.ts';
import { type Routine, runAsync } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import { bornIn, decodeFileSystemStat } from '../kernel/stat.ts';
import { dialectFor } from '../layer/caller-dialect.ts';
import { INSIDE } from '../layer/layer.ts';
import type { StackSpec } from '../layer/stack-spec.ts';
import { openTreeRoot } from '../layer/tree-root.ts';
import { split } from './target.ts';

// Whose handles have the inode that stat(2) shows, in a form that is known (linux/magic.h): ext4, xfs, btrfs, tmpfs, f2fs.
// Those of others have the same type for numbers of their own, as FUSE and erofs.
const WITH_INODE: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010]);

/** Of what was copied up. */
export interface CopiedUp {
  /** Its inode in the lower; undefined where the kernel noted only that there was one, as without root. */
  readonly inode: bigint | undefined;
  /** When, in nanoseconds since 1970; undefined where the upper's filesystem does not tell. */
  readonly at: bigint | undefined;
}

export class UpperEntries implements Disposable {
  readonly #fd: number;
  readonly #dialect: Dialect;
  /** Directories that the kernel has marked as having copies in them. */
  readonly #marked = new Map<string, boolean>();
  readonly #hasInodes: boolean;
  /** What `keep` has noted: when the upper was begun, of which this is a copy. */
  readonly since: bigint | undefined;

  private constructor(fd: number, dialect: Dialect, hasInodes: boolean, since: bigint | undefined) {
    this.#fd = fd;
    this.#dialect = dialect;
    this.#hasInodes = hasInodes;
    this.since = since;
  }

  /** Undefined without an upper. @param lower open @throws {OverlayError} */
  static async open({ upper, options }: StackSpec, lower: number): Promise<UpperEntries | undefined> {
    if (upper === undefined) return undefined;
    const { fd } = await runAsync(openTreeRoot(upper, 'upper'));
    try {
      const dialect = await runAsync(dialectFor(options?.userxattr));
      const since = sinceNoteName(dialect);
      const { xattrs } = await runAsync(scanEntry(fd, '', { xattrs: [since] }));
      const noted = /^\d{1,20}$/.exec(xattrs.get(since)?.toString() ?? '')?.[0];
      const { type } = decodeFileSystemStat(await callAsync('fstatfs', lower));
      return new UpperEntries(
        fd,
        dialect,
        WITH_INODE.has(type),
        noted === undefined ? undefined : BigInt(noted),
      );
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }

  /**
   * Undefined for what is new in the upper. The kernel notes nothing, so that it looks like new: of files with several
   * names; without root of symbolic links and device files too. Source: ovl_set_origin_fh of fs/overlayfs/copy_up.c, ovl_set_impure of util.c.
   */
  async copiedUp(path: string): Promise<CopiedUp | undefined> {
    try {
      return await runAsync(this.#look(path));
    } catch (error) {
      // It is looked at by those that read the view, who say what is wrong with it.
      if (error instanceof KernelError) return undefined;
      throw error;
    }
  }

  *#noteOn(dir: number, name: string | Buffer, note: OverlayNote): Routine<Buffer | undefined> {
    const attribute = formatOverlayXattr({ dialect: this.#dialect, level: 0, note });
    return (yield* scanEntry(dir, name, { xattrs: [attribute] })).xattrs.get(attribute);
  }

  *#look(path: string): Routine<CopiedUp | undefined> {
    const { parent, name } = split(path);
    // Most of an upper is new, in directories that are.
    if (this.#marked.get(parent) === false) return undefined;
    const at = Buffer.from(parent === '' ? '.' : parent, 'latin1');
    const dir = yield* reach(this.#fd, at, INSIDE, (from, rest) =>
      call('openat2', from, rest, O_PATH | O_NOFOLLOW, 0, INSIDE),
    );
    try {
      if (!this.#marked.has(parent))
        this.#marked.set(parent, (yield* this.#noteOn(dir, '', 'impure')) !== undefined);
      if (this.#marked.get(parent) === false) return undefined;
      const bytes = Buffer.from(name, 'latin1');
      const origin = yield* this.#noteOn(dir, bytes, 'origin');
      if (origin === undefined) return undefined;
      const born = bornIn(yield* call('statx', dir, bytes, AT_SYMLINK_NOFOLLOW, STATX_BTIME));
      return {
        inode: this.#hasInodes ? decodeOrigin(origin)?.inode : undefined,
        at: born === 0n ? undefined : born,
      };
    } finally {
      close(dir);
    }
  }
}
