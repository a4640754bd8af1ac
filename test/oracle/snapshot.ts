// A mounted directory read entry by entry with plain calls, knowing nothing of layers: what the kernel shows.
import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { callSync, close } from '../../lib/kernel/call.ts';
import { AT_FDCWD, O_NOFOLLOW, O_PATH } from '../../lib/kernel/constants.ts';

export type EntryType = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'char' | 'block';

/** One entry. Of what could not be read, only the errno's name is there. */
export interface Entry {
  readonly error?: string;
  readonly type?: EntryType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** In nanoseconds. */
  readonly mtime?: bigint;
  /** Of files and symbolic links; a directory's is the filesystem's own affair. */
  readonly size?: number;
  /** Of devices, `major:minor`. */
  readonly rdev?: string;
  /** A file's bytes as text, one character a byte, or their digest when they are many; a symbolic link's target. */
  readonly content?: string;
  /** Names to values in hexadecimal. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** Entries by path, one character a byte, without a leading slash; the root is ''. */
export type Snapshot = ReadonlyMap<string, Entry>;

const slash = Buffer.from('/');

export function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, slash, name]);
}

export function typeOf(stat: { readonly mode: number | bigint }): EntryType {
  switch (Number(stat.mode) & 0o170000) {
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'symlink';
    case 0o020000:
      return 'char';
    case 0o060000:
      return 'block';
    case 0o010000:
      return 'fifo';
    case 0o140000:
      return 'socket';
    default:
      return 'file';
  }
}

/** Bytes as a snapshot shows them. */
export function shownBytes(bytes: Uint8Array): string {
  if (bytes.length > 64)
    return `${bytes.length} bytes, sha1 ${createHash('sha1').update(bytes).digest('hex')}`;
  return Buffer.from(bytes).toString('latin1');
}

/** Opens an entry itself, whatever it is, for the calls on extended attributes. */
export function withEntry<T>(path: Buffer, use: (fd: number) => T): T {
  const fd = callSync('openat', AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
  try {
    return use(fd);
  } finally {
    close(fd);
  }
}

/** All extended attributes of an entry, values in hexadecimal, sorted by name. */
export function xattrsOf(path: Buffer): Record<string, string> {
  return withEntry(path, (fd) => {
    const names = callSync('listxattr', fd).toString('latin1').split('\0').filter(Boolean).sort();
    return Object.fromEntries(
      names.map((name) => [name, callSync('getxattr', fd, Buffer.from(name, 'latin1')).toString('hex')]),
    );
  });
}

export function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

/** The errno's name of what failed; anything else is a mistake of ours and is thrown on. */
export function errnoOf(error: unknown): string {
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  if (typeof code !== 'string' || typeof errno !== 'number') throw error;
  // Node has no name for it.
  return errno === -116 ? 'ESTALE' : code;
}

/** Not readFileSync(), which stops at the size that fstat(2) gives: planted metadata may give another than the data's. */
function wholeOf(path: Buffer): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = Buffer.allocUnsafe(65536);
      const got = readSync(fd, chunk);
      if (got === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, got));
    }
  } finally {
    closeSync(fd);
  }
}

function contentOf(path: Buffer, type: EntryType): string | undefined {
  if (type === 'symlink') return shownBytes(readlinkSync(path, { encoding: 'buffer' }));
  return type === 'file' ? shownBytes(wholeOf(path)) : undefined;
}

function orError(read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch (error) {
    return `<${errnoOf(error)}>`;
  }
}

function entryOf(path: Buffer, stat: BigIntStats): Entry {
  const type = typeOf(stat);
  const content = orError(() => contentOf(path, type));
  return {
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime: stat.mtimeNs,
    ...((type === 'file' || type === 'symlink') && { size: Number(stat.size) }),
    ...((type === 'char' || type === 'block') && { rdev: deviceNumber(stat.rdev) }),
    ...(content !== undefined && { content }),
    xattrs: xattrsOf(path),
  };
}

/** The name in an open directory as a path of its own, so that a tree can be deeper than any path is long. */
function inside(dir: number, name: Buffer): Buffer {
  return below(Buffer.from(`/proc/self/fd/${dir}`), name);
}

function visit(dir: number, name: Buffer, shown: string, found: Map<string, Entry>): void {
  const path = inside(dir, name);
  let entry: Entry;
  try {
    entry = entryOf(path, lstatSync(path, { bigint: true }));
  } catch (error) {
    entry = { error: errnoOf(error) };
    // The driver lists a directory that it need not merge as it lies there: with whiteouts, which are nothing to lstat(2).
    if (entry.error === 'ENOENT') return;
  }
  found.set(shown, entry);
  if (entry.type === 'directory') visitEntries(path, shown, found);
}

function visitEntries(path: Buffer, shown: string, found: Map<string, Entry>): void {
  let names: Buffer[];
  try {
    names = readdirSync(path, { encoding: 'buffer' });
  } catch (error) {
    found.set(shown, { ...found.get(shown), error: errnoOf(error) });
    return;
  }
  withEntry(path, (dir) => {
    for (const name of names.sort(Buffer.compare)) {
      const at = name.toString('latin1');
      visit(dir, name, shown === '' ? at : `${shown}/${at}`, found);
    }
  });
}

/** Reads the whole tree; an entry that cannot be read is told with its error. */
export function snapshot(root: string): Snapshot {
  const found = new Map<string, Entry>();
  // A detached overlay's path is a magic link, and its root is meant.
  withEntry(Buffer.from(`${root}/.`), (fd) => visit(fd, Buffer.from('.'), '', found));
  return found;
}

function visitFar(
  dir: number,
  [name, ...rest]: readonly Buffer[],
  shown: string,
  found: Map<string, Entry>,
): void {
  if (rest.length === 0) visit(dir, name!, shown, found);
  else withEntry(inside(dir, name!), (next) => visitFar(next, rest, shown, found));
}

/** Reads the entry of this path, and what is below it, into `found`: also where the directory above cannot be listed. */
export function snapshotAt(root: string, path: string, found: Map<string, Entry>): void {
  const names = path.split('/').map((name) => Buffer.from(name, 'latin1'));
  try {
    withEntry(Buffer.from(`${root}/.`), (fd) => visitFar(fd, names, path, found));
  } catch (error) {
    found.set(path, { error: errnoOf(error) });
  }
}
