// The view of a mounted overlay and that of a stack, as plain objects to compare.
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import type { MergedEntry } from '../../lib/layer/merged-entry.ts';
import { openStack, type Stack } from '../../lib/layer/stack.ts';
import { mount } from '../../lib/mount/mount.ts';
import { xattrsOf } from '../support/xattr.ts';

export interface Seen {
  type: string;
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  mtime?: bigint;
  nlink?: number;
  rdev?: string;
  xattrs?: Record<string, string>;
  content?: string;
}

export type View = Record<string, Seen>;

/** Keys are paths of one character a byte; what lstat(2) refuses is there with the error's code, unless it is ENOENT. */
export function mountedView(root: string): View {
  const view: View = {};
  const visit = (path: Buffer, key: string) => {
    let seen: Seen;
    try {
      seen = look(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code!;
      // A whiteout that nothing below it makes sense of is listed, and is not there.
      if (code === 'ENOENT' || code === 'ENODATA') return;
      view[key] = { type: code };
      return;
    }
    view[key] = seen;
    if (seen.type !== 'directory') return;
    for (const name of readdirSync(path, { encoding: 'buffer' })) {
      const text = name.toString('latin1');
      visit(Buffer.concat([path, Buffer.from('/'), name]), key === '.' ? text : `${key}/${text}`);
    }
  };
  visit(Buffer.from(`${root}/.`), '.');
  return sorted(view);
}

function look(path: Buffer): Seen {
  const stat = lstatSync(path, { bigint: true });
  const type = stat.isFile()
    ? 'file'
    : stat.isDirectory()
      ? 'directory'
      : stat.isSymbolicLink()
        ? 'symlink'
        : stat.isFIFO()
          ? 'fifo'
          : stat.isSocket()
            ? 'socket'
            : stat.isBlockDevice()
              ? 'block'
              : 'character';
  const seen: Seen = {
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: Number(stat.size),
    mtime: stat.mtimeNs,
    nlink: Number(stat.nlink),
    rdev: `${(Number(stat.rdev) >> 8) & 0xfff}:${Number(stat.rdev) & 0xff}`,
    xattrs: xattrsOf(path),
  };
  if (type === 'file') seen.content = readOr(() => readFileSync(path));
  if (type === 'symlink') seen.content = readlinkSync(path, { encoding: 'buffer' }).toString('latin1');
  return seen;
}

function readOr(read: () => Buffer): string {
  try {
    return read().toString('latin1');
  } catch (error) {
    return `<${(error as NodeJS.ErrnoException).code}>`;
  }
}

/** What a stack shows, in the same form; an entry's error is shown by its code. */
export async function stackView(stack: Stack): Promise<View> {
  const view: View = {};
  for await (const entry of stack.walk()) view[keyOf(entry)] = await seenOf(stack, entry);
  return sorted(view);
}

function keyOf({ path }: MergedEntry): string {
  return Buffer.from(path as string).toString('latin1');
}

async function seenOf(stack: Stack, entry: MergedEntry): Promise<Seen> {
  if (entry.error !== undefined) return { type: errnoIn(entry.error.message) };
  const { type, mode, uid, gid, size, mtime, nlink, rdev } = entry;
  const xattrs = Object.fromEntries(
    [...entry.xattrs].map(([name, value]) => [name, value.toString('latin1')]),
  );
  const seen: Seen = {
    type,
    mode,
    uid,
    gid,
    size,
    mtime,
    nlink,
    rdev: `${rdev.major}:${rdev.minor}`,
    xattrs,
  };
  if (type === 'file') {
    const file = await stack.open(entry.path).catch((error: Error) => error);
    seen.content = file instanceof Error ? `<${file.message}>` : (await file.readFile()).toString('latin1');
    if (!(file instanceof Error)) await file.close();
  }
  if (type === 'symlink')
    seen.content = Buffer.from((await stack.readlink(entry.path)) as string).toString('latin1');
  return seen;
}

/** Which errno a finding says that the overlay answers. */
function errnoIn(sentence: string): string {
  return /an overlay answers (E[A-Z]+)/.exec(sentence)?.[1] ?? sentence;
}

function sorted(view: View): View {
  return Object.fromEntries(Object.entries(view).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Both views of the same layers: that of the mount, and that of the stack. */
export async function bothViews(spec: MountSpec): Promise<{ mounted: View; stacked: View }> {
  await using overlay = await mount(spec);
  const mounted = mountedView(overlay.path);
  await using stack = await openStack(spec);
  return { mounted, stacked: await stackView(stack) };
}

/** Makes a device 0:0, which says that the name is deleted. */
export function whiteoutAt(path: string): void {
  callSync('mknodat', AT_FDCWD, path, 0o020000, 0);
}
