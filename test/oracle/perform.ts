// Performs operations on a directory, a mounted overlay or any other; what the kernel refuses is noted and passed over.
import {
  closeSync,
  constants,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import { shortened, shownPath } from './difference.ts';
import type { Needs, Operation, Place } from './operations.ts';
import { below, errnoOf, withEntry, xattrsOf } from './snapshot.ts';

const RENAME_EXCHANGE = 2;

/** Few, so that they meet; among them names that break parsers. */
const freshNames: readonly Buffer[] = [
  ...['a', 'b', 'c', 'd', 'e', 'f', 'two words\n', '.wh.a', '...', 'ä'].map((name) => Buffer.from(name)),
  Buffer.from([0x66, 0xff, 0x80]),
  Buffer.alloc(255, 'n'),
];

const targets = ['a', '../b', '/etc/passwd', 'no/where', '.', '/', 'x'.repeat(300)];
const modes = ['000', '400', '600', '644', '755', '777', '1777', '2755', '4755', '711'];
/** Seconds. */
const times = [0, 1, -1.5, 1e9, 1e9 + 0.25, 2 ** 31, 4e9];
/** Bytes. */
const sizes = [0, 1, 3, 4096, 10_000, 300_000];

const S_IFIFO = 0o010000;
const S_IFSOCK = 0o140000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const S_IFREG = 0o100000;
/**
 * Type with mode, and device number: of drivers that nobody has, since a device may get opened. The character device 0:0
 * is a whiteout, and refused in an overlay.
 */
const kinds: readonly (readonly [number, number])[] = [
  [S_IFIFO | 0o644, 0],
  [S_IFSOCK | 0o600, 0],
  [S_IFCHR | 0o666, 0xfd703],
  [S_IFBLK | 0o660, 0xf3100],
  [S_IFCHR | 0o600, 0xfff45],
  [S_IFREG | 0o640, 0],
  [S_IFCHR, 0],
];

/** The overlay's own names among them: through a mount they are escaped on the disk, and seen as they were set. */
const xattrNames = [
  ...['user.one', 'user.two', 'trusted.one', 'security.one', 'user.overlayed'],
  ...['trusted.overlay.opaque', 'user.overlay.opaque', 'trusted.overlay.overlay.opaque'],
  ...['trusted.overlay.redirect', 'user.overlay.whiteout', 'trusted.overlay.unknown'],
  'system.posix_acl_access',
];
// struct posix_acl_xattr_header and entries: owner rwx, user 1000 r-x, group r-x, mask r-x, others r--.
const accessControl = Buffer.from(
  '0200000001000700ffffffff02000500e803000004000500ffffffff10000500ffffffff20000400ffffffff',
  'hex',
);
const xattrValues = [
  Buffer.from(''),
  Buffer.from('y'),
  Buffer.from('x'),
  Buffer.from([0, 255, 10]),
  Buffer.alloc(1000, 'v'),
];

function chosen<T>(of: readonly T[], number: number): T {
  return of[number % of.length]!;
}

function contentOf(number: number): Buffer {
  return Buffer.alloc(chosen([0, 1, 5, 5, 70, 5000], number), 0x61 + number);
}

/** The names in a directory in one order, whatever the filesystem's. */
function namesIn(directory: Buffer): Buffer[] {
  return readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare);
}

function directoriesIn(directory: Buffer): Buffer[] {
  return readdirSync(directory, { encoding: 'buffer', withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort(Buffer.compare);
}

function directoryOf(root: Buffer, into: readonly number[]): Buffer {
  return into.reduce((directory, number) => {
    const inside = directoriesIn(directory);
    return inside.length === 0 ? directory : below(directory, chosen(inside, number));
  }, root);
}

/** A place where there may be nothing yet. */
export function freshAt(root: Buffer, { into, name }: Place): Buffer {
  return below(directoryOf(root, into), chosen(freshNames, name));
}

/** An entry that is there: of the directory, or of the root when that is empty. */
export function existingAt(root: Buffer, { into, name }: Place): Buffer {
  const directory = directoryOf(root, into);
  const names = namesIn(directory);
  if (names.length > 0) return below(directory, chosen(names, name));
  return below(root, chosen([...namesIn(root), ...freshNames], name));
}

/** Everything below it too, the way rm -r does. */
function remove(path: Buffer): void {
  if (lstatSync(path).isDirectory()) {
    for (const name of namesIn(path)) remove(below(path, name));
    rmdirSync(path);
  } else unlinkSync(path);
}

/** Opens a file for writing; a device is left alone, since its driver would do what it does. */
function onFile(path: Buffer, use: (fd: number) => void, flags = 0): void {
  if (!lstatSync(path).isFile())
    throw Object.assign(new Error('not a file'), { code: 'not a file', errno: 0 });
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW | flags);
  try {
    use(fd);
  } finally {
    closeSync(fd);
  }
}

function writeFresh(path: Buffer, content: Buffer): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) writeFileSync(path, content, { flag: 'wx' });
  else onFile(path, (fd) => writeSync(fd, content), constants.O_TRUNC);
}

/** The tree that is acted on; what it gives out is noted for the trace. */
class Ground {
  readonly #root: Buffer;
  readonly words: string[];

  constructor(root: Buffer, word: string) {
    this.#root = root;
    this.words = [word];
  }

  #noted(path: Buffer): Buffer {
    this.words.push(shownPath(path.subarray(this.#root.length + 1).toString('latin1')));
    return path;
  }

  fresh(place: Place): Buffer {
    return this.#noted(freshAt(this.#root, place));
  }

  existing(place: Place): Buffer {
    return this.#noted(existingAt(this.#root, place));
  }

  chosen<T>(of: readonly T[], number: number): T {
    const choice = chosen(of, number);
    const word = Buffer.isBuffer(choice) ? JSON.stringify(choice.toString('latin1')) : String(choice);
    this.words.push(shortened(word));
    return choice;
  }

  content(number: number): Buffer {
    const content = contentOf(number);
    this.words.push(`${content.length} bytes`);
    return content;
  }
}

const acts: { readonly [D in keyof Needs]: (needs: Needs[D], ground: Ground) => void } = {
  remount: () => {},
  write: ({ at, content }, ground) => writeFresh(ground.fresh(at), ground.content(content)),
  writeExisting({ at, content }, ground) {
    const bytes = ground.content(content);
    onFile(ground.existing(at), (fd) => writeSync(fd, bytes), constants.O_TRUNC);
  },
  append({ at, content }, ground) {
    const bytes = ground.content(content);
    onFile(ground.existing(at), (fd) => writeSync(fd, bytes), constants.O_APPEND);
  },
  overwrite({ at, content }, ground) {
    const bytes = ground.content(content);
    onFile(ground.existing(at), (fd) => writeSync(fd, bytes));
  },
  truncate: ({ at, size }, ground) =>
    onFile(ground.existing(at), (fd) => ftruncateSync(fd, ground.chosen(sizes, size))),
  touch: ({ at }, ground) => onFile(ground.existing(at), () => {}),
  mkdir: ({ at }, ground) => void mkdirSync(ground.fresh(at)),
  unlink: ({ at }, ground) => unlinkSync(ground.existing(at)),
  rmdir: ({ at }, ground) => rmdirSync(ground.existing(at)),
  remove: ({ at }, ground) => remove(ground.existing(at)),
  remake({ at }, ground) {
    const path = ground.existing(at);
    remove(path);
    mkdirSync(path);
    writeFileSync(below(path, Buffer.from('new')), 'new');
  },
  replace({ at }, ground) {
    const path = ground.existing(at);
    const wasDirectory = lstatSync(path).isDirectory();
    remove(path);
    if (wasDirectory) writeFileSync(path, 'was a directory');
    else mkdirSync(path);
  },
  rename: ({ at, to }, ground) => renameSync(ground.existing(at), ground.fresh(to)),
  renameOver: ({ at, to }, ground) => renameSync(ground.existing(at), ground.existing(to)),
  exchange: ({ at, to }, ground) =>
    callSync('renameat2', AT_FDCWD, ground.existing(at), AT_FDCWD, ground.existing(to), RENAME_EXCHANGE),
  link: ({ at, to }, ground) => linkSync(ground.existing(at), ground.fresh(to)),
  symlink: ({ at, target }, ground) => symlinkSync(ground.chosen(targets, target), ground.fresh(at)),
  mknod({ at, kind }, ground) {
    const [mode, device] = ground.chosen(kinds, kind);
    callSync('mknodat', AT_FDCWD, ground.fresh(at), mode, device);
  },
  chmod({ at, mode }, ground) {
    const path = ground.existing(at);
    if (!lstatSync(path).isSymbolicLink())
      callSync('fchmodat', AT_FDCWD, path, Number.parseInt(ground.chosen(modes, mode), 8));
  },
  chown: ({ at, uid, gid }, ground) => lchownSync(ground.existing(at), uid, gid),
  utimes({ at, time }, ground) {
    // A number below zero means now to Node, a Date does not.
    const date = new Date(ground.chosen(times, time) * 1000);
    lutimesSync(ground.existing(at), date, date);
  },
  setxattr({ at, name, value }, ground) {
    const [path, key] = [ground.existing(at), ground.chosen(xattrNames, name)];
    const bytes = key.includes('acl') ? accessControl : ground.chosen(xattrValues, value);
    withEntry(path, (fd) => callSync('setxattr', fd, key, bytes, 0));
  },
  removexattr({ at, name }, ground) {
    const path = ground.existing(at);
    // Seldom would it have a name that is chosen blindly.
    const own = Object.keys(xattrsOf(path));
    const key = ground.chosen(own.length > 0 ? own : xattrNames, name);
    withEntry(path, (fd) => callSync('removexattr', fd, key));
  },
};

/** The names of all operations. */
export const OPERATIONS: readonly string[] = Object.keys(acts);

/** What was done, a line each: `rename a dir/b`, `unlink c: ENOENT`. */
export type Trace = string[];

/** Operations by name, how often the kernel has let them pass. */
export type Tally = Map<string, number>;

export interface Performance {
  readonly trace: Trace;
  readonly tally: Tally;
  /** Ends the mount and begins it again; where the root is then. */
  readonly remount?: () => string;
}

/** Performs the operations one after the other on what is mounted or lies at `root`. */
export function perform(root: string, operations: readonly Operation[], to: Performance): void {
  let place = root;
  for (const operation of operations) {
    if (operation.do === 'remount') place = to.remount?.() ?? place;
    const ground = new Ground(Buffer.from(place), operation.do);
    try {
      (acts[operation.do] as (needs: Operation, ground: Ground) => void)(operation, ground);
      to.tally.set(operation.do, (to.tally.get(operation.do) ?? 0) + 1);
      to.trace.push(ground.words.join(' '));
    } catch (error) {
      to.trace.push(`${ground.words.join(' ')}: ${errnoOf(error)}`);
    }
  }
}
