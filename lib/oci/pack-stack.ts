// The entries of what a stack's upper changes, renames as a deletion and all that is there now; of a stack without one all.
import { pathToBytes } from '../format/path-bytes.ts';
import type { MergedEntry } from '../layer/merged-entry.ts';
import type { Stack } from '../layer/stack.ts';
import type { StackReader } from '../layer/stack-reader.ts';
import { pieces } from './given-bytes.ts';
import type { Packable } from './pack-directory.ts';
import { opaqueEntry, type PackRules, packedEntry, saysNothing, whiteoutEntry } from './pack-entry.ts';

interface Told {
  deleted?: boolean;
  opaque?: boolean;
}

const NOTHING = Buffer.alloc(0);
const keyOf = (path: string | Buffer): string => {
  const text = pathToBytes(path).toString('latin1');
  return text === '.' ? '' : text;
};
const pathOf = (key: string): Buffer => Buffer.from(key === '' ? '.' : key, 'latin1');

/** In the order of a walk: a name before what is in it, that before the names behind it. */
function inOrder(a: string, b: string): number {
  const [x, y] = [a, b].map((path) => path.replaceAll('/', '\0'));
  return x! < y! ? -1 : x! > y! ? 1 : 0;
}

async function toldBy(stack: Stack): Promise<Map<string, Told>> {
  const told = new Map<string, Told>();
  const add = (path: string | Buffer, what: Told): void => void told.set(keyOf(path), what);
  const { layers } = await stack.lookup('.');
  if (!layers.some(({ layer }) => layer.kind === 'upper')) {
    for await (const { path, error } of stack.walk()) {
      if (error !== undefined) throw error;
      add(path, {});
    }
    return told;
  }
  for await (const { path, kind, type, from, error } of stack.changes()) {
    if (error !== undefined) throw error;
    const whole = from !== undefined && type === 'directory';
    if (kind === 'deleted') add(path, { deleted: true });
    else if (!whole) add(path, told.get(keyOf(path)) ?? {});
    else {
      for await (const inside of stack.walk(path))
        if (!told.get(keyOf(inside.path))?.deleted) add(inside.path, {});
      if (kind === 'modified') add(path, { opaque: true });
    }
  }
  // Directories on the way have their attributes told, since not every tool looks for them below.
  for (const key of [...told.keys()])
    for (let end = key.lastIndexOf('/'); end > 0; end = key.lastIndexOf('/', end - 1)) {
      const above = key.slice(0, end);
      if (!told.has(above)) told.set(above, {});
    }
  return told;
}

async function* contentOf(reader: StackReader, key: string): AsyncGenerator<Buffer> {
  yield* pieces(await reader.open(pathOf(key)));
}

export async function* stackEntries(stack: Stack, rules: PackRules): AsyncGenerator<Packable> {
  const told = await toldBy(stack);
  const links = new Map<string, string>();
  const reader = stack.reader();
  for (const key of [...told.keys()].sort(inOrder)) {
    const { deleted, opaque } = told.get(key)!;
    const found: MergedEntry | undefined = deleted ? undefined : await reader.entry(pathOf(key));
    if (found === undefined) {
      yield { entry: whiteoutEntry(key) };
      continue;
    }
    const { type, nlink, inode } = found;
    if (type === 'socket' || type === 'unknown') continue;
    const first = type !== 'directory' && nlink > 1 ? links.get(inode) : undefined;
    if (first !== undefined) {
      yield { entry: packedEntry(key, { ...found, type: 'hardlink' }, rules, Buffer.from(first, 'latin1')) };
      continue;
    }
    if (type !== 'directory' && nlink > 1) links.set(inode, key);
    const target = type === 'symlink' ? pathToBytes(await reader.readlink(pathOf(key))) : NOTHING;
    const entry = packedEntry(key, { ...found, type }, rules, target);
    if (key === '' && saysNothing(entry)) continue;
    yield type === 'file' ? { entry, content: () => contentOf(reader, key) } : { entry };
    if (opaque) yield { entry: opaqueEntry(key) };
  }
}
