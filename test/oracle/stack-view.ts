// What openStack says of layers, in the words of a snapshot.

import type { FileHandle } from 'node:fs/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { AnyOverlayOptions } from '../../lib/format/mount-spec.ts';
import type { EntryPath, MergedEntry } from '../../lib/layer/merged-entry.ts';
import { openStack, type Stack } from '../../lib/layer/stack.ts';
import type { StackSpec } from '../../lib/layer/stack-spec.ts';
import { type Entry, type EntryType, type Snapshot, shownBytes } from './snapshot.ts';
import type { Layers } from './stage.ts';

export function latin1(path: EntryPath): string {
  return path === '.' ? '' : Buffer.from(path as string).toString('latin1');
}

/** The errno that an error of an entry says an overlay answers with; `error` when it says none. */
function promisedErrno(error: Error): string {
  return /an overlay answers (E[A-Z]+)/.exec(error.message)?.[1] ?? 'error';
}

async function orError(read: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error) || !('hint' in error)) throw error;
    return '<error>';
  }
}

// Not readFile(), which stops at the size that fstat(2) gives; of planted metadata it is another than the data's.
async function wholeOf(file: FileHandle): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of file.createReadStream({ autoClose: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function contentOf(stack: Stack, { type, path }: MergedEntry): Promise<string | undefined> {
  if (type === 'symlink') return shownBytes(Buffer.from((await stack.readlink(path)) as string));
  if (type !== 'file') return undefined;
  const file = await stack.open(path);
  try {
    return shownBytes(await wholeOf(file));
  } finally {
    await file.close();
  }
}

export function shownType(type: MergedEntry['type']): EntryType {
  return (type === 'character' ? 'char' : type) as EntryType;
}

async function entryOf(stack: Stack, entry: MergedEntry): Promise<Entry> {
  const { type, mode, uid, gid, mtime, size, rdev, xattrs, error } = entry;
  if (error !== undefined) return { error: promisedErrno(error) };
  const content = await orError(() => contentOf(stack, entry));
  const device = type === 'character' || type === 'block';
  const sorted = [...xattrs].map(([name, value]) => [name, value.toString('hex')]).sort();
  return {
    type: shownType(type),
    mode,
    uid,
    gid,
    mtime,
    ...((type === 'file' || type === 'symlink') && { size }),
    ...(device && { rdev: `${rdev.major}:${rdev.minor}` }),
    ...(content !== undefined && { content }),
    xattrs: Object.fromEntries(sorted),
  };
}

/** Asked for by its path, an entry is the same. */
async function sameLookup(stack: Stack, { path, error }: MergedEntry, shown: Entry): Promise<void> {
  const { entry, layers } = await stack.lookup(path);
  // The walk tells of a directory that cannot be listed; lookup does not list it.
  if (entry?.error === undefined && error !== undefined) return;
  if (entry === undefined || !isDeepStrictEqual(await entryOf(stack, entry), shown))
    throw new Error(`lookup and walk differ at ${JSON.stringify(path)}: ${inspect(entry)}`);
  if (entry.error === undefined && layers.filter(({ role }) => role === 'shown').length !== 1)
    throw new Error(`lookup shows ${JSON.stringify(path)} of no layer, or of several: ${inspect(layers)}`);
}

/** What openStack is given for a mount with these options. */
export function specOf(layers: Layers, options: AnyOverlayOptions): StackSpec {
  return { ...layers, options } as StackSpec;
}

export interface StackView {
  readonly entries: Snapshot;
  /** Files with several names in a lower layer. */
  readonly linkedBelow: ReadonlySet<string>;
  /** Of what is no directory, which file of which layer it is. */
  readonly files: ReadonlyMap<string, string>;
}

/** The whole merged view. */
export async function viewOf(layers: Layers, options: AnyOverlayOptions): Promise<StackView> {
  await using stack = await openStack(specOf(layers, options));
  const entries = new Map<string, Entry>();
  const linkedBelow = new Set<string>();
  const files = new Map<string, string>();
  for await (const entry of stack.walk()) {
    const path = latin1(entry.path);
    if (entries.has(path)) throw new Error(`the walk tells ${JSON.stringify(path)} twice`);
    const shown = await entryOf(stack, entry);
    entries.set(path, shown);
    await sameLookup(stack, entry, shown);
    if (entry.type === 'directory') continue;
    files.set(path, entry.inode);
    if (entry.layer.kind === 'lower' && entry.nlink > 1) linkedBelow.add(path);
  }
  return { entries, linkedBelow, files };
}
