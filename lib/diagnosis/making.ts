// Why a directory that is to be made (mkdir: true) cannot be: the nearest directory on the way to it that exists tells.
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  STATX_ATTR_IMMUTABLE,
  STATX_BASIC_STATS,
} from '../kernel/constants.ts';
import { EACCES, EDQUOT, ENOENT, ENOSPC, EPERM, EROFS, errnoName } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeFileSystemStat, decodeStat } from '../kernel/stat.ts';
import { explainDirectory } from './directory.ts';
import { type Finding, shown } from './overlay-error.ts';
import { type Directory, placeOf, type Subject, subjectText } from './subject.ts';
import { makingErrno } from './work-facts.ts';

const SLASH = 0x2f;

const WHY: Readonly<Record<number, readonly [why: string, hint: string]>> = {
  [EACCES]: ['this user may not write there', 'let this user write there, or make the directory beforehand'],
  [EROFS]: ['it is read-only', 'name a directory on something that can be written'],
  [ENOSPC]: ['its filesystem has no room left', 'free space and inodes there'],
  [EDQUOT]: ['a quota on its filesystem is used up', 'raise the quota'],
};

interface Above {
  readonly path: Buffer;
  readonly immutable: boolean;
  /** Positive; 0 when one can be made. */
  readonly errno: number;
}

/** The nearest that exists, and whether a directory can be made in it; undefined when there is none, or it is the path itself. */
function* nearestAbove(path: Buffer): Routine<Above | undefined> {
  // An absolute path: at 0 stands the slash of the root directory.
  for (let end = path.length; end >= 0; end = end === 0 ? -1 : path.lastIndexOf(SLASH, end - 1)) {
    const prefix = path.subarray(0, Math.max(end, 1));
    let fd: number;
    try {
      fd = yield* call('openat', AT_FDCWD, prefix, O_PATH | O_DIRECTORY, 0);
    } catch (error) {
      if (error instanceof KernelError && error.errno === -ENOENT) continue;
      if (error instanceof KernelError) return undefined;
      throw error;
    }
    try {
      if (end === path.length) return undefined;
      return yield* lookAbove(fd, prefix);
    } finally {
      close(fd);
    }
  }
  return undefined;
}

function* lookAbove(fd: number, path: Buffer): Routine<Above> {
  const { attributes } = decodeStat(yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS));
  const filesystem = decodeFileSystemStat(yield* call('fstatfs', fd));
  return {
    path,
    immutable: (attributes & BigInt(STATX_ATTR_IMMUTABLE)) !== 0n,
    errno: yield* makingErrno(fd, filesystem),
  };
}

function whyNot({ immutable, errno }: Above, elsewhere: string): readonly [why: string, hint: string] {
  return errno === EPERM && immutable
    ? ['it is immutable (chattr +i)', 'take the flag away (chattr -i), or name another directory']
    : (WHY[errno] ?? [`mkdir answers ${errnoName(errno)} there`, elsewhere]);
}

function finding(subject: Subject, above: Above): Finding {
  const [why, hint] = whyNot(above, 'name a directory somewhere else, or make it beforehand');
  return {
    code: 'ERR_OVERLAY_NOT_MADE',
    sentence: `${subjectText(subject)} does not exist, and cannot be made in ${JSON.stringify(shown(above.path))}: ${why}`,
    hint,
    ...placeOf(subject),
  };
}

/** What keeps directories of ours from being made in one that is there; undefined when nothing does. */
export function* explainMakingIn(directory: Directory): Routine<Finding | undefined> {
  const [from, path] = [directory.fd ?? AT_FDCWD, directory.absolute ?? '.'];
  const fd = yield* call('openat', from, path, O_PATH | O_DIRECTORY, 0);
  try {
    const here = yield* lookAbove(fd, Buffer.from(path as Uint8Array));
    if (here.errno === 0) return undefined;
    const [why, hint] = whyNot(here, 'name a directory somewhere else');
    const sentence = `${subjectText(directory)}: no directory can be made in it: ${why}`;
    return { code: 'ERR_OVERLAY_NOT_MADE', sentence, hint, ...placeOf(directory) };
  } finally {
    close(fd);
  }
}

/** What keeps the directory from being made where it is missing; undefined when nothing does, or it is there. */
export function* explainMaking(directory: Directory): Routine<Finding | undefined> {
  if (directory.absolute === undefined) return undefined;
  const path = Buffer.from(directory.absolute as Uint8Array);
  const missing = yield* explainDirectory(directory, path);
  if (missing?.code !== 'ERR_OVERLAY_NOT_FOUND') return missing;
  const above = yield* nearestAbove(path);
  return above === undefined || above.errno === 0 ? undefined : finding(directory, above);
}
