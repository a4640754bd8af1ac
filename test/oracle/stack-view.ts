// What openStack says of layers, in the words of a snapshot.

import type { AnyOverlayOptions } from '../../lib/format/mount-spec.ts';
import type { EntryPath, MergedEntry } from '../../lib/layer/merged-entry.ts';
import { openStack, type Stack } from '../../lib/layer/stack.ts';
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

async function contentOf(stack: Stack, { type, path, size }: MergedEntry): Promise<string | undefined> {
  if (type === 'symlink') return shownBytes(Buffer.from((await stack.readlink(path)) as string));
  if (type !== 'file') return undefined;
  const file = await stack.open(path);
  try {
    // Of planted metadata with another size the kernel shows so many bytes; the file that has them is opened as it is.
    return shownBytes((await file.readFile()).subarray(0, size));
  } finally {
    await file.close();
  }
}

async function entryOf(stack: Stack, entry: MergedEntry): Promise<Entry> {
  const { type, mode, uid, gid, mtime, size, rdev, xattrs, error } = entry;
  if (error !== undefined) return { error: promisedErrno(error) };
  const content = await orError(() => contentOf(stack, entry));
  const device = type === 'character' || type === 'block';
  const sorted = [...xattrs].map(([name, value]) => [name, value.toString('hex')]).sort();
  return {
    type: (type === 'character' ? 'char' : type) as EntryType,
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

/** The whole merged view. */
export async function viewOf(layers: Layers, options: AnyOverlayOptions): Promise<Snapshot> {
  await using stack = await openStack({ ...layers, options } as Parameters<typeof openStack>[0]);
  const found = new Map<string, Entry>();
  for await (const entry of stack.walk()) {
    const path = latin1(entry.path);
    if (found.has(path)) throw new Error(`the walk tells ${JSON.stringify(path)} twice`);
    found.set(path, await entryOf(stack, entry));
  }
  return found;
}
