// Gives an entry owner, attributes, permissions and time, in the order in which none of them takes another back.
import { parseOverlayXattr } from '../format/overlay-xattr.ts';
import { call } from '../kernel/call.ts';
import { AT_EMPTY_PATH, AT_FDCWD, procPath, S_IFLNK, S_IFMT } from '../kernel/constants.ts';
import { Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { type EntryStat, type ReadEntry, scanEntry } from '../kernel/scan-directory.ts';
import { statxWithMtime } from '../kernel/stat.ts';
import type { MergedEntry } from './merged-entry.ts';

/** As a journal holds them. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Nanoseconds since 1970. */
  readonly mtime: string;
  /** Names as latin1 text, values as base64. */
  readonly xattrs: readonly (readonly [string, string])[];
}

export function attributesOf({ uid, gid, mode, mtime, xattrs }: MergedEntry): Attributes {
  const values = [...xattrs].map(([name, value]) => [name, value.toString('base64')] as const);
  return { uid, gid, mode, mtime: String(mtime), xattrs: values };
}

/** The same of an entry of a plain directory. */
export function scannedAttributes({ stat, xattrs }: ReadEntry): Attributes {
  const values = [...xattrs].map(([name, value]) => [name, value.toString('base64')] as const);
  const { uid, gid, mode, mtime } = stat;
  return { uid, gid, mode: mode & 0o7777, mtime: String(mtime), xattrs: values };
}

/** By the magic link, which names the same object and follows nothing else. Throws KernelError. */
export function* giveTime(fd: number, mtime: bigint): Routine<void> {
  yield* call('utimensat_of', AT_FDCWD, procPath(fd), statxWithMtime(mtime), 0);
}

function addXattrs(
  program: Program,
  fd: number,
  wanted: Attributes['xattrs'],
  had: ReadonlyMap<string, Buffer>,
): void {
  const names = new Set(wanted.map(([name]) => name));
  for (const name of had.keys()) {
    // What says something to an overlay over the target is the target's own.
    if (!names.has(name) && parseOverlayXattr(name) === undefined)
      program.add('removexattr', 0, fd, Buffer.from(name, 'latin1'));
  }
  for (const [name, text] of wanted) {
    const value = Buffer.from(text, 'base64');
    if (had.get(name)?.equals(value) !== true)
      program.add('setxattr', 0, fd, Buffer.from(name, 'latin1'), value, 0);
  }
}

const ALL = { xattrs: [''] } as const;

/**
 * chown(2) takes set-id bits and capabilities away, and an ACL changes the mode: so owner, attributes, mode, time.
 *
 * @param fd of any kind, O_PATH too
 * @throws {KernelError} EPERM where this user may not
 */
export function* giveAttributes(fd: number, wanted: Attributes): Routine<void> {
  const { uid, gid, mode, mtime, xattrs } = wanted;
  const before = (yield* scanEntry(fd, '', ALL)).stat!;
  if (before.uid !== uid || before.gid !== gid) yield* call('fchownat', fd, '', uid, gid, AT_EMPTY_PATH);
  const { stat, xattrs: had } = yield* scanEntry(fd, '', ALL);
  const program = new Program();
  addXattrs(program, fd, xattrs, had);
  if (program.steps > 0) yield* program.run();
  const now: EntryStat = program.steps > 0 ? (yield* scanEntry(fd, '', ALL)).stat! : stat!;
  if ((now.mode & S_IFMT) !== S_IFLNK && (now.mode & 0o7777) !== mode)
    yield* call('fchmodat', AT_FDCWD, procPath(fd), mode);
  yield* giveTime(fd, BigInt(mtime));
}
