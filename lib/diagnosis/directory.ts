// Why a path is not the directory that it should be, found by looking at it again, part by part.
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  FUSE_SUPER_MAGIC,
  O_DIRECTORY,
  O_PATH,
  STATX_TYPE,
} from '../kernel/constants.ts';
import {
  EACCES,
  EBADF,
  EINTR,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOMEM,
  ENOTCONN,
  ENOTDIR,
  errnoName,
} from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeFileSystemStat, decodeStat } from '../kernel/stat.ts';
import type { Finding } from './overlay-error.ts';
import { walkPath } from './path-walk.ts';
import { EXPLANATIONS, FUSE_HINT, PATH_MAX, placeAt, quote, tooLong, type Wrong } from './path-words.ts';
import type { Ruled } from './rule.ts';
import { type Directory, placeOf, type Subject, subjectText } from './subject.ts';

function* openErrno(path: string | Uint8Array, flags: number): Routine<number> {
  try {
    close(yield* call('openat', AT_FDCWD, path, flags, 0));
    return 0;
  } catch (error) {
    if (error instanceof KernelError) return -error.errno;
    throw error;
  }
}

/** What keeps a file from being reached or asked about, where its path is well. */
function unreachable(place: string, errno: number): Omit<Wrong, 'code'> {
  const dead = errno === ENOTCONN;
  return {
    sentence: `${place} does not answer (${errnoName(errno)})${dead ? ': the program that serves its filesystem has ended' : ''}`,
    hint: dead
      ? 'unmount it (umount -l, fusermount -u) and mount it again'
      : 'look at the filesystem and what it is on (dmesg), or use another directory',
  };
}

// What is told of this process and not of the path.
const OUR_OWN: readonly number[] = [EMFILE, ENFILE, ENOMEM, EINTR];

function finding(subject: Subject, { code, sentence, hint }: Wrong): Finding {
  return { code, sentence, hint, ...placeOf(subject) };
}

/** What is wrong with a path that should be a directory; undefined when it can be opened as one. */
export function* explainDirectory(
  subject: Subject,
  absolute: string | Uint8Array,
): Routine<Finding | undefined> {
  const path = Buffer.from(absolute as Uint8Array);
  const errno = yield* openErrno(path, O_PATH | O_DIRECTORY);
  if (errno === 0 || OUR_OWN.includes(errno)) return undefined;
  if (path.length >= PATH_MAX) return finding(subject, yield* tooLong(subject, path, undefined));
  const stop = yield* walkPath(path);
  // It changed meanwhile; what is found now may not be why it failed.
  if (stop === undefined || stop.errno !== errno) return undefined;
  const explain = EXPLANATIONS[errno];
  if (explain !== undefined) return finding(subject, yield* explain(subject, path, stop));
  const wrong = unreachable(`${subjectText(subject)}: ${quote(placeAt(stop))}`, errno);
  return finding(subject, { code: 'ERR_OVERLAY_UNREACHABLE', ...wrong });
}

/** A descriptor that is no directory's, by what statx(2) and fstatfs(2) answered. */
function wrongDescriptor(subject: Subject, fd: number, errno: number): Finding | undefined {
  const about = `${subjectText(subject)}: descriptor ${fd}`;
  if (errno === ENOTDIR) {
    const sentence = `${about} is not of a directory`;
    return finding(subject, { code: 'ERR_OVERLAY_NOT_DIRECTORY', sentence, hint: 'open a directory' });
  }
  if (errno === EBADF) {
    const sentence = `${about} is not open`;
    const hint = 'keep the directory open until it is mounted';
    return finding(subject, { code: 'ERR_OVERLAY_INVALID_DESCRIPTOR', sentence, hint });
  }
  if (OUR_OWN.includes(errno)) return undefined;
  return finding(subject, { code: 'ERR_OVERLAY_UNREACHABLE', ...unreachable(about, errno) });
}

// A directory that is given as a descriptor is not opened: the number of a closed one could be that of what is opened here.
interface Asked {
  readonly open: number | undefined;
  readonly statx: number;
  readonly statfs: number;
}

function* askAll(directories: readonly Directory[]): Routine<number[]> {
  const program = new Program();
  const asked = new Map<Directory, Asked>();
  for (const directory of directories) {
    if (directory.absolute !== undefined) continue;
    const fd = directory.fd!;
    const statx = program.add('statx', WANT | MAY_FAIL, fd, '', AT_EMPTY_PATH, STATX_TYPE);
    asked.set(directory, { open: undefined, statx, statfs: program.add('fstatfs', MAY_FAIL, fd) });
  }
  for (const directory of directories) {
    const { fd, absolute } = directory;
    if (absolute === undefined) continue;
    const open = program.add('openat', MAY_FAIL, fd ?? AT_FDCWD, absolute, O_PATH | O_DIRECTORY, 0);
    const statx = program.add('statx', WANT | MAY_FAIL, open, '', AT_EMPTY_PATH, STATX_TYPE);
    asked.set(directory, { open, statx, statfs: program.add('fstatfs', MAY_FAIL, open) });
  }
  yield* program.run();
  return directories.map((directory) => {
    const { open, statx, statfs } = asked.get(directory)!;
    // Nobody asks a target for its filesystem.
    const needed = directory.option !== 'target';
    if (open !== undefined && program.value(open) < 0) return -program.value(open);
    const bytes = program.bytes(statx);
    if (bytes === undefined && (needed || open === undefined)) return -program.value(statx);
    if (open === undefined && !decodeStat(bytes!).isDirectory) return ENOTDIR;
    return needed ? Math.max(0, -program.value(statfs)) : 0;
  });
}

// The driver calls a layer that is a file invalid, and so does move_mount(2) a target.
const CAUSES: Readonly<Record<number, readonly number[]>> = { [ENOTDIR]: [ENOTDIR, EINVAL] };

/**
 * What is wrong with any of these, in their order, and the errnos that it can be the cause of; all are asked about in one
 * program, and only what fails is looked at.
 */
export function* explainDirectories(directories: readonly Directory[]): Routine<Ruled[]> {
  const errnos = yield* askAll(directories);
  const found: Ruled[] = [];
  for (const [i, directory] of directories.entries()) {
    const errno = errnos[i]!;
    if (errno === 0) continue;
    const { fd, absolute } = directory;
    const wrong =
      absolute === undefined
        ? wrongDescriptor(directory, fd!, errno)
        : ((yield* explainDirectory(directory, absolute)) ?? (yield* mute(directory, absolute)));
    if (wrong !== undefined) found.push({ finding: wrong, errnos: CAUSES[errno] ?? [errno] });
  }
  return found;
}

function notForOthers(subject: Subject, isFuse: boolean): Wrong {
  return {
    code: 'ERR_OVERLAY_NO_ACCESS',
    sentence: `${subjectText(subject)}: this user may not even look at it${isFuse ? ': the filesystem (FUSE) is for the user alone who mounted it' : ''}`,
    hint: isFuse ? FUSE_HINT : 'look for a security module that forbids it, or run as a user who may',
  };
}

// It opens, and does not tell of itself or of its filesystem, which the driver asks every layer.
function* mute(subject: Subject, absolute: string | Uint8Array): Routine<Finding | undefined> {
  const program = new Program();
  const open = program.add('openat', MAY_FAIL, AT_FDCWD, absolute, O_PATH | O_DIRECTORY, 0);
  const statx = program.add('statx', MAY_FAIL, open, '', AT_EMPTY_PATH, STATX_TYPE);
  const statfs = program.add('fstatfs', MAY_FAIL | WANT, open);
  yield* program.run();
  const filesystem = program.bytes(statfs);
  if (program.value(statx) === -EACCES) {
    const isFuse = filesystem !== undefined && decodeFileSystemStat(filesystem).type === FUSE_SUPER_MAGIC;
    return finding(subject, notForOthers(subject, isFuse));
  }
  const errno = filesystem === undefined ? -program.value(statfs) : -program.value(statx);
  if (program.value(open) < 0 || errno <= 0 || OUR_OWN.includes(errno)) return undefined;
  const wrong = unreachable(subjectText(subject), errno);
  return finding(subject, { code: 'ERR_OVERLAY_UNREACHABLE', ...wrong });
}
