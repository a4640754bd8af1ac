// The directory that changes are brought to: opened, locked, and looked at through no link and into no other mount.
import { createHash } from 'node:crypto';
import type { LayerSource } from '../format/mount-spec.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { latin1ToPath } from '../format/path-bytes.ts';
import { call, close } from '../kernel/call.ts';
import {
  LOCK_EX,
  LOCK_NB,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  S_IFCHR,
  S_IFMT,
  STATX_ATTR_APPEND,
  STATX_ATTR_IMMUTABLE,
} from '../kernel/constants.ts';
import { EAGAIN, ELOOP, ENOENT, ENOTDIR, EXDEV } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { reach } from '../kernel/reach.ts';
import { runAsync } from '../kernel/routine.ts';
import { type EntryStat, openScan, scanEntry } from '../kernel/scan-directory.ts';
import { type EntryType, entryType } from '../layer/change.ts';
import { INSIDE } from '../layer/layer.ts';
import { pathFailure } from '../layer/path-failure.ts';
import { openTreeRoot } from '../layer/tree-root.ts';

/** What is at a place; what a plan remembers of it. */
export interface Seen {
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly nlink: number;
  /** Device and inode. */
  readonly inode: string;
  /** The flags `i` or `a` of chattr(1). */
  readonly immutable: boolean;
}

export const isErrno = (error: unknown, ...numbers: readonly number[]): boolean =>
  error instanceof KernelError && numbers.includes(-error.errno);

const ABSENT = [ENOENT, ENOTDIR, ELOOP] as const;

// A whiteout is nothing, to whoever reads the overlay over it.
const isWhiteout = ({ mode, rdevMajor, rdevMinor }: EntryStat): boolean =>
  (mode & S_IFMT) === S_IFCHR && rdevMajor === 0 && rdevMinor === 0;

/** A path of one character a byte, taken apart. */
export function split(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { parent: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) };
}

export class Target implements Disposable {
  /** Open for reading, as flock(2) and syncfs(2) want it. */
  readonly fd: number;
  readonly shown: string;
  readonly #mount: bigint;

  private constructor(fd: number, shown: string, mount: bigint) {
    this.fd = fd;
    this.shown = shown;
    this.#mount = mount;
  }

  static async open(source: LayerSource): Promise<Target> {
    const root = await runAsync(openTreeRoot(source, 'to'));
    try {
      const fd = await runAsync(call('openat', root.fd, '.', O_RDONLY | O_DIRECTORY, 0));
      const { stat } = await runAsync(scanEntry(fd, '', { xattrs: [] }));
      return new Target(fd, root.shown, stat!.mountId);
    } catch (error) {
      throw error instanceof KernelError ? pathFailure(error, root.shown) : error;
    } finally {
      close(root.fd);
    }
  }

  [Symbol.dispose](): void {
    close(this.fd);
  }

  /** @throws {OverlayError} ERR_OVERLAY_APPLY_LOCKED */
  async lock(): Promise<void> {
    try {
      await runAsync(call('flock', this.fd, LOCK_EX | LOCK_NB));
    } catch (error) {
      if (!isErrno(error, EAGAIN)) throw error;
      const sentence = `${this.shown} is locked: changes are being applied to it, or it is the upper or work directory of an overlay`;
      const hint = 'wait for the other one, or unmount the overlay';
      throw new OverlayError([{ code: 'ERR_OVERLAY_APPLY_LOCKED', sentence, hint, path: this.shown }], error);
    }
  }

  /** A place for people. */
  at(path: string): string {
    const text = latin1ToPath(path);
    return path === '' ? this.shown : `${this.shown}/${typeof text === 'string' ? text : text.toString()}`;
  }

  /** What a failed call at a place means. */
  failure(error: unknown, path: string): unknown {
    if (!(error instanceof Error) || error instanceof OverlayError || !('errno' in error)) return error;
    if (isErrno(error, EXDEV)) return this.#mounted(path, error);
    return pathFailure(error as Error & { errno: number }, this.at(path));
  }

  #mounted(path: string, cause?: unknown): OverlayError {
    const place = this.at(path);
    const sentence = `something is mounted at ${place}, or on the way to it`;
    return new OverlayError(
      [{ code: 'ERR_OVERLAY_BUSY', sentence, hint: 'unmount it first', path: place }],
      cause,
    );
  }

  /** Hands `use` the directory as O_PATH. @throws {KernelError} of openat2(2) */
  async inDirectory<T>(path: string, use: (fd: number) => Promise<T>): Promise<T> {
    const bytes = Buffer.from(path === '' ? '.' : path, 'latin1');
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    const fd = await runAsync(
      reach(this.fd, bytes, INSIDE, (dir, rest) => call('openat2', dir, rest, flags, 0, INSIDE)),
    );
    try {
      return await use(fd);
    } finally {
      close(fd);
    }
  }

  /** What is there; undefined for nothing, and for a whiteout. @throws {OverlayError} */
  async look(path: string): Promise<Seen | undefined> {
    const { parent, name } = split(path);
    try {
      return await this.inDirectory(parent, async (fd) => {
        const { stat, error } = await runAsync(scanEntry(fd, Buffer.from(name, 'latin1'), { xattrs: [] }));
        if (stat === undefined) {
          if (error?.errno === ENOENT) return undefined;
          throw new KernelError({ errno: error!.errno, syscall: 'statx', call: 'statx', log: '', step: 0 });
        }
        if (stat.mountId !== this.#mount) throw this.#mounted(path);
        if (isWhiteout(stat)) return undefined;
        return {
          type: entryType(stat.mode),
          mode: stat.mode & 0o7777,
          uid: stat.uid,
          gid: stat.gid,
          size: stat.size,
          mtime: stat.mtime,
          ctime: stat.ctime,
          nlink: stat.nlink,
          inode: `${stat.devMajor}:${stat.devMinor}:${stat.ino}`,
          immutable: (stat.attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) !== 0,
        };
      });
    } catch (error) {
      if (isErrno(error, ...ABSENT)) return undefined;
      throw this.failure(error, path);
    }
  }

  /**
   * All that is below a directory: paths from there, and what tells whether an entry was changed.
   *
   * @param visit is told of each
   * @throws {OverlayError}
   */
  async contentOf(path: string, visit: (stat: EntryStat) => void = () => {}): Promise<string[]> {
    const lines: string[] = [];
    const pending = [''];
    for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
      const place = below === '' ? path : `${path}/${below}`;
      try {
        await this.inDirectory(place, async (dir) => {
          const scan = await runAsync(openScan(dir, '.', INSIDE, { xattrs: [] }));
          try {
            for (
              let more = await runAsync(scan.next());
              more.length > 0;
              more = await runAsync(scan.next())
            ) {
              for (const { name, stat } of more) {
                const text = name.toString('latin1');
                const inside = below === '' ? text : `${below}/${text}`;
                if (stat === undefined || isWhiteout(stat)) continue;
                visit(stat);
                if (stat.mountId !== this.#mount) throw this.#mounted(`${path}/${inside}`);
                if (stat.isDirectory) pending.push(inside);
                lines.push(contentLine(inside, entryType(stat.mode), stat.size, stat.mtime));
              }
            }
          } finally {
            scan.close();
          }
        });
      } catch (error) {
        throw this.failure(error, place);
      }
    }
    return lines;
  }
}

/** An entry below a directory that goes as a whole. */
export function contentLine(path: string, type: EntryType, size: number, mtime: bigint): string {
  return type === 'directory' ? `${path}\0d` : `${path}\0${type}\0${size}\0${mtime}`;
}

/** The same for equal contents, in whatever order they were read. */
export function digestOf(lines: string[]): string {
  return createHash('sha256').update(lines.sort().join('\n')).digest('base64');
}

/** Equal as long as nobody changed the entry. Times and sizes of directories are those of their entries. */
export function fingerprint(seen: Seen | undefined): string {
  if (seen === undefined) return 'absent';
  const { type, mode, uid, gid, inode, size, mtime, ctime } = seen;
  const own = type === 'directory' ? '' : `:${size}:${mtime}:${ctime}`;
  return `${type}:${inode}:${mode}:${uid}:${gid}${own}`;
}
