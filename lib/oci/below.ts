// What lies below a layer that is unpacked for an overlay, asked only when the layer speaks of it.
import type { PathLike } from '../format/mount-spec.ts';
import { type Dialect, nameInLayer } from '../format/overlay-xattr.ts';
import { pathToBytes } from '../format/path-bytes.ts';
import type { TarEntry } from '../format/tar/entry.ts';
import type { MergedEntry } from '../layer/merged-entry.ts';
import { openStack, type Stack } from '../layer/stack.ts';
import { pieces } from './given-bytes.ts';
import type { Attributes } from './tree.ts';
import type { LowerEntry } from './unpacking.ts';

/** The layers below, top first, each unpacked; a promise of them is waited for only when they are asked. */
export type Lowers = readonly PathLike[] | Promise<readonly PathLike[]>;

const NOTHING = Buffer.alloc(0);
const TYPES: ReadonlySet<string> = new Set(['file', 'symlink', 'character', 'block', 'directory', 'fifo']);

const pathOf = (names: readonly string[]): Buffer =>
  names.length === 0 ? Buffer.from('.') : Buffer.from(names.join('/'), 'latin1');

export class Below implements AsyncDisposable {
  readonly #lowers: Lowers | undefined;
  readonly #dialect: Dialect;
  #stack: Promise<Stack | undefined> | undefined;

  constructor(lowers: Lowers | undefined, dialect: Dialect) {
    this.#lowers = lowers;
    this.#dialect = dialect;
  }

  /** Whether anything can be said at all. */
  get known(): boolean {
    return this.#lowers !== undefined;
  }

  async #open(): Promise<Stack | undefined> {
    const lower = (await this.#lowers) ?? [];
    if (lower.length === 0) return undefined;
    return await openStack({ lower, options: { userxattr: this.#dialect === 'user' } });
  }

  async #opened(): Promise<Stack | undefined> {
    this.#stack ??= this.#open();
    return await this.#stack;
  }

  async entry(names: readonly string[]): Promise<MergedEntry | undefined> {
    const stack = await this.#opened();
    return stack && (await stack.lookup(pathOf(names))).entry;
  }

  /** The names in the root directory. */
  async rootNames(): Promise<string[]> {
    const names: string[] = [];
    const stack = await this.#opened();
    if (stack === undefined) return names;
    for await (const { path } of stack.readdir('.')) names.push(pathToBytes(path).toString('latin1'));
    return names;
  }

  attributesOf({ mode, uid, gid, mtime, rdev, xattrs }: MergedEntry): Attributes {
    const stored = [...xattrs].flatMap(([name, value]) => {
      const own = nameInLayer(name, this.#dialect);
      return own === undefined ? [] : [[own, value] as const];
    });
    return { mode, uid, gid, mtime, device: rdev, xattrs: stored };
  }

  /** What is there, for a copy of it. */
  async copyable(names: readonly string[]): Promise<LowerEntry | undefined> {
    const found = await this.entry(names);
    const stack = await this.#opened();
    if (found === undefined || stack === undefined || !TYPES.has(found.type)) return undefined;
    const { type, mode, uid, gid, mtime, rdev, size } = found;
    const linkname = type === 'symlink' ? pathToBytes(await stack.readlink(pathOf(names))) : NOTHING;
    const entry: TarEntry = {
      name: pathOf(names),
      type: type as TarEntry['type'],
      mode,
      uid,
      gid,
      mtime,
      device: rdev,
      size: type === 'file' ? size : 0,
      linkname,
      uname: NOTHING,
      gname: NOTHING,
      xattrs: [],
    };
    return { entry, attributes: this.attributesOf(found), content: () => contentOf(stack, names) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stack = await this.#stack?.catch(() => undefined);
    await stack?.close();
  }
}

async function* contentOf(stack: Stack, names: readonly string[]): AsyncGenerator<Buffer, void> {
  yield* pieces(await stack.open(pathOf(names)));
}
