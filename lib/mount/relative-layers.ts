// The layers of an overlay that was mounted with relative paths: found where one would look, and proved to be its layers.
import { asLatin1, latin1ToPath } from '../format/path-bytes.ts';
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { type EntryStat, scanEntry } from '../kernel/scan-directory.ts';
import type { ListedPath, OverlayMount } from './list.ts';

const latin1 = (path: ListedPath) => asLatin1(Buffer.from(path as Uint8Array));
const isRelative = (path: ListedPath) => !latin1(path).startsWith('/');

function* directoryAt(path: ListedPath): Routine<EntryStat | undefined> {
  let fd: number;
  try {
    fd = yield* call('openat', AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
  try {
    return (yield* scanEntry(fd, '', { xattrs: [] })).stat;
  } finally {
    close(fd);
  }
}

/** An overlay shows its root as the topmost layer's, with that one's inode number, whatever filesystems the layers are on. */
function isSameRoot(top: EntryStat, root: EntryStat): boolean {
  return (
    top.ino === root.ino && top.ctime === root.ctime && top.mtime === root.mtime && top.mode === root.mode
  );
}

/** Where the mounting process may have been: where this one is, or in a directory above the mount point. */
function* bases(target: string): Routine<string[]> {
  const all: string[] = [];
  try {
    all.push(asLatin1(yield* call('readlinkat', AT_FDCWD, '/proc/self/cwd')));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
  for (let at = target; at !== ''; ) {
    at = at.slice(0, at.lastIndexOf('/'));
    all.push(at);
  }
  return [...new Set(all)];
}

function seenFrom(base: string, mount: OverlayMount): OverlayMount {
  const absolute = (path: ListedPath) =>
    isRelative(path) ? latin1ToPath(`${base === '/' ? '' : base}/${latin1(path)}`) : path;
  const { lower, data, upper, work, unknown, ...rest } = mount;
  return {
    ...rest,
    lower: lower.map(absolute),
    data: data.map(absolute),
    ...(upper === undefined ? {} : { upper: absolute(upper) }),
    ...(work === undefined ? {} : { work: absolute(work) }),
    unknown: unknown.filter(({ shown }) => !isRelative(shown)),
  };
}

/**
 * The mount with its relative layers found, or as it is. They are taken for its layers when all are there and the top one
 * is what the overlay shows as its root.
 */
export function* withRelativeLayers(mount: OverlayMount): Routine<OverlayMount> {
  const { lower, data, upper, target, root } = mount;
  if (root !== '/' || ![upper ?? lower[0]!, ...lower, ...data].some(isRelative)) return mount;
  const shownRoot = yield* directoryAt(target);
  if (shownRoot === undefined) return mount;
  for (const base of yield* bases(latin1(target))) {
    const found = seenFrom(base, mount);
    const top = yield* directoryAt(found.upper ?? found.lower[0]!);
    if (top === undefined || !isSameRoot(top, shownRoot)) continue;
    const others = [...found.lower, ...found.data];
    let missing = 0;
    for (const path of others) if ((yield* directoryAt(path)) === undefined) missing++;
    if (missing === 0) return found;
  }
  return mount;
}
