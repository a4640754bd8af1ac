// The entries of a layer that lies in a directory, in the order of their names, each directory before what is in it.
import { decodeOpaque, whiteoutForm } from '../format/marks.ts';
import { type Dialect, overlayPrefix } from '../format/overlay-xattr.ts';
import type { WritableEntry } from '../format/tar/writer.ts';
import { call, close } from '../kernel/call.ts';
import { O_NOFOLLOW, O_PATH, O_RDONLY } from '../kernel/constants.ts';
import { runAsync } from '../kernel/routine.ts';
import { openScan, type ScannedEntry, scanEntry } from '../kernel/scan-directory.ts';
import { entryType } from '../layer/change.ts';
import { CONFINED } from './batch.ts';
import { failure } from './failure.ts';
import { PIECE } from './given-bytes.ts';
import {
  type Known,
  opaqueEntry,
  type PackRules,
  packedEntry,
  saysNothing,
  shownXattrs,
  whiteoutEntry,
} from './pack-entry.ts';

/** An entry, and how its content is had, if it is a file. */
export interface Packable {
  readonly entry: WritableEntry;
  readonly content?: () => AsyncIterable<Buffer>;
}

const NOTHING = Buffer.alloc(0);
const bytes = (path: string): Buffer => Buffer.from(path, 'latin1');

export class DirectoryLayer {
  readonly #root: number;
  readonly #dialect: Dialect;
  readonly #rules: PackRules;
  readonly #links = new Map<string, string>();

  constructor(root: number, dialect: Dialect, rules: PackRules) {
    this.#root = root;
    this.#dialect = dialect;
    this.#rules = rules;
  }

  async *entries(): AsyncGenerator<Packable> {
    const root = await runAsync(scanEntry(this.#root, '', { xattrs: [''] }));
    const entry = packedEntry('', this.#known(root, 'directory'), this.#rules, NOTHING);
    if (!saysNothing(entry)) yield { entry };
    yield* this.#below('');
  }

  #note(scanned: ScannedEntry, note: string): Buffer | undefined {
    return scanned.xattrs.get(overlayPrefix(this.#dialect) + note);
  }

  #known(scanned: ScannedEntry, type: Known['type']): Known {
    const stat = scanned.stat!;
    const { mode, uid, gid, mtime, size, rdevMajor, rdevMinor } = stat;
    const xattrs = shownXattrs(scanned.xattrs, this.#dialect);
    return { type, mode, uid, gid, mtime, size, rdev: { major: rdevMajor, minor: rdevMinor }, xattrs };
  }

  async #sorted(path: string): Promise<ScannedEntry[]> {
    const scan = await runAsync(
      openScan(this.#root, path === '' ? '.' : bytes(path), CONFINED, { xattrs: [''] }),
    );
    const entries: ScannedEntry[] = [];
    try {
      for (let more = await runAsync(scan.next()); more.length > 0; more = await runAsync(scan.next()))
        entries.push(...more);
    } finally {
      scan.close();
    }
    return entries.sort((a, b) => Buffer.compare(a.name, b.name));
  }

  async *#below(dir: string): AsyncGenerator<Packable> {
    for (const scanned of await this.#sorted(dir)) {
      const name = scanned.name.toString('latin1');
      const path = dir === '' ? name : `${dir}/${name}`;
      if (scanned.error !== undefined) throw unread(path, scanned.error.syscall);
      yield* this.#one(path, scanned);
    }
  }

  async *#one(path: string, scanned: ScannedEntry): AsyncGenerator<Packable> {
    const { mode, size, nlink, devMajor, devMinor, ino, rdevMajor, rdevMinor } = scanned.stat!;
    const rdev = { major: rdevMajor, minor: rdevMinor };
    const marked = this.#note(scanned, 'whiteout') !== undefined;
    if (whiteoutForm({ mode, size, rdev, marked }) !== undefined) return yield { entry: whiteoutEntry(path) };
    for (const note of ['redirect', 'metacopy'])
      if (this.#note(scanned, note) !== undefined) throw partial(path);
    const type = entryType(mode);
    // It means nothing without the process that listens at it.
    if (type === 'socket' || type === 'unknown') return;
    if (type === 'directory') {
      yield { entry: packedEntry(path, this.#known(scanned, type), this.#rules, NOTHING) };
      if (decodeOpaque(this.#note(scanned, 'opaque')) === 'opaque') yield { entry: opaqueEntry(path) };
      return yield* this.#below(path);
    }
    const inode = `${devMajor}:${devMinor}:${ino}`;
    const first = nlink > 1 ? this.#links.get(inode) : undefined;
    if (first !== undefined)
      return yield { entry: packedEntry(path, this.#known(scanned, 'hardlink'), this.#rules, bytes(first)) };
    if (nlink > 1) this.#links.set(inode, path);
    const target = type === 'symlink' ? await this.#target(path) : NOTHING;
    const entry = packedEntry(path, this.#known(scanned, type), this.#rules, target);
    yield type === 'file' ? { entry, content: () => this.#content(path) } : { entry };
  }

  async #target(path: string): Promise<Buffer> {
    const fd = await runAsync(call('openat2', this.#root, bytes(path), O_PATH | O_NOFOLLOW, 0, CONFINED));
    try {
      return await runAsync(call('readlinkat', fd, ''));
    } finally {
      close(fd);
    }
  }

  async *#content(path: string): AsyncGenerator<Buffer> {
    const fd = await runAsync(call('openat2', this.#root, bytes(path), O_RDONLY | O_NOFOLLOW, 0, CONFINED));
    try {
      for (;;) {
        const some = await runAsync(call('read', fd, PIECE));
        if (some.length === 0) return;
        yield some;
      }
    } finally {
      close(fd);
    }
  }
}

function unread(path: string, syscall: string) {
  return failure(
    'ERR_OVERLAY_UNEXPLAINED',
    `${JSON.stringify(path)} cannot be read (${syscall})`,
    'run as root',
    { path },
  );
}

function partial(path: string) {
  return failure(
    'ERR_OVERLAY_LAYER_PARTIAL',
    `${JSON.stringify(path)} has a part of itself in a layer below (redirect or metacopy), and none is named`,
    'pass a stack of the layer over those below, from openStack({ upper, lower })',
    { path },
  );
}
