// Why a path is not the directory that it should be, found by looking at it again, part by part.
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_PATH,
  S_IFLNK,
  S_IFMT,
  STATX_TYPE,
} from '../kernel/constants.ts';
import { EACCES, EBADF, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
import { type Finding, shown } from './overlay-error.ts';
import { type Directory, placeOf, type Subject, subjectText } from './subject.ts';

const SLASH = 0x2f;

function* errnoOf(attempt: Routine<unknown>): Routine<number> {
  try {
    yield* attempt;
    return 0;
  } catch (error) {
    if (error instanceof KernelError) return -error.errno;
    throw error;
  }
}

function* openErrno(path: string | Uint8Array, flags: number): Routine<number> {
  return yield* errnoOf(
    (function* () {
      close(yield* call('openat', AT_FDCWD, path, flags, 0));
    })(),
  );
}

function quote(path: string | Uint8Array): string {
  return JSON.stringify(shown(path));
}

/** The prefixes of an absolute path, the shortest first, itself last: /a, /a/b, /a/b/c. */
function prefixesOf(path: Buffer): Buffer[] {
  const prefixes: Buffer[] = [];
  for (let at = 1; at <= path.length; at++) {
    if ((at === path.length || path[at] === SLASH) && path[at - 1] !== SLASH)
      prefixes.push(path.subarray(0, at));
  }
  return prefixes;
}

/** The first part of the path that opens with this errno. */
function* firstFailing(path: Buffer, errno: number): Routine<Buffer> {
  for (const prefix of prefixesOf(path)) {
    if ((yield* openErrno(prefix, O_PATH)) === errno) return prefix;
  }
  return path;
}

function* linkTarget(path: Buffer): Routine<Buffer | undefined> {
  try {
    const stat = decodeStat(yield* call('statx', AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE));
    return (stat.mode & S_IFMT) === S_IFLNK ? yield* call('readlinkat', AT_FDCWD, path) : undefined;
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

// What `mkdir` makes.
const MAKEABLE: readonly string[] = ['upper', 'work', 'target'];

function hintForMissing({ option }: Subject, path: Buffer): string {
  const variable = /\$(?:[A-Za-z_]\w*|\{\w+\})/.exec(shown(path))?.[0];
  if (variable !== undefined) {
    return `${variable} was not expanded, which only shells do: put its value there, as from process.env`;
  }
  return MAKEABLE.includes(option)
    ? 'create the directory, correct the path, or pass mkdir: true'
    : 'create the directory, or correct the path';
}

function* missing(subject: Subject, path: Buffer): Routine<Finding> {
  const part = yield* firstFailing(path, ENOENT);
  const link = yield* linkTarget(part);
  const name = subjectText(subject);
  if (link !== undefined) {
    return {
      code: 'ERR_OVERLAY_DANGLING_SYMLINK',
      sentence: `${name}: ${quote(part)} is a symbolic link to ${quote(link)}, which does not exist`,
      hint: 'create what the link names, or correct the link',
      ...placeOf(subject),
    };
  }
  const whole = part.length === path.length;
  return {
    code: 'ERR_OVERLAY_NOT_FOUND',
    sentence: `${name} does not exist${whole ? '' : `: there is no ${quote(part)}`}`,
    hint: hintForMissing(subject, path),
    ...placeOf(subject),
  };
}

function* notDirectory(subject: Subject, path: Buffer): Routine<Finding> {
  const parts = prefixesOf(path);
  let part = path;
  for (const prefix of parts) {
    if ((yield* openErrno(prefix, O_PATH | O_DIRECTORY)) === ENOTDIR) {
      part = prefix;
      break;
    }
  }
  return {
    code: 'ERR_OVERLAY_NOT_DIRECTORY',
    sentence: `${subjectText(subject)}: ${part.length === path.length ? 'it' : quote(part)} is not a directory`,
    hint: 'name a directory',
    ...placeOf(subject),
  };
}

function* noAccess(subject: Subject, path: Buffer): Routine<Finding> {
  const part = yield* firstFailing(path, EACCES);
  // Searching a directory is refused one step further down: the directory before the failing part is closed.
  const closed = prefixesOf(path).findLast((prefix) => prefix.length < part.length) ?? Buffer.from('/');
  return {
    code: 'ERR_OVERLAY_NO_ACCESS',
    sentence: `${subjectText(subject)}: this user may not search the directory ${quote(closed)}`,
    hint: `grant search permission on ${quote(closed)} (chmod +x), or run as a user who has it`,
    ...placeOf(subject),
  };
}

function simple(code: string, sentence: string, hint: string): (subject: Subject) => Routine<Finding> {
  // biome-ignore lint/correctness/useYield: it has the form of the other explanations
  return function* (subject) {
    return { code, sentence: `${subjectText(subject)}: ${sentence}`, hint, ...placeOf(subject) };
  };
}

const EXPLANATIONS: Readonly<Record<number, (subject: Subject, path: Buffer) => Routine<Finding>>> = {
  [ENOENT]: missing,
  [ENOTDIR]: notDirectory,
  [EACCES]: noAccess,
  [ELOOP]: simple(
    'ERR_OVERLAY_SYMLINK_LOOP',
    'symbolic links in the path lead in a circle',
    'correct the links: readlink shows where each leads',
  ),
  [ENAMETOOLONG]: simple(
    'ERR_OVERLAY_NAME_TOO_LONG',
    'a name in the path is longer than 255 bytes, or the path longer than 4,095',
    'use a shorter path, or open the directory and pass { fd }',
  ),
};

/** What is wrong with a path that should be a directory; undefined when it can be opened as one. */
export function* explainDirectory(
  subject: Subject,
  absolute: string | Uint8Array,
): Routine<Finding | undefined> {
  const path = Buffer.from(absolute as Uint8Array);
  const errno = yield* openErrno(path, O_PATH | O_DIRECTORY);
  return yield* EXPLANATIONS[errno]?.(subject, path) ?? nothing();
}

// biome-ignore lint/correctness/useYield: it has the form of the other explanations
function* nothing(): Routine<undefined> {
  return undefined;
}

/** What is wrong with a descriptor that should be a directory's; undefined when it is one. */
function* explainDescriptor(subject: Subject, fd: number): Routine<Finding | undefined> {
  const about = `${subjectText(subject)}: descriptor ${fd}`;
  try {
    const stat = decodeStat(yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_TYPE));
    if (stat.isDirectory) return undefined;
    const finding = { code: 'ERR_OVERLAY_NOT_DIRECTORY', sentence: `${about} is not of a directory` };
    return { ...finding, hint: 'open a directory', ...placeOf(subject) };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno !== -EBADF) return undefined;
    const finding = { code: 'ERR_OVERLAY_INVALID_DESCRIPTOR', sentence: `${about} is not open` };
    return { ...finding, hint: 'keep the directory open until it is mounted', ...placeOf(subject) };
  }
}

/** What is wrong with any of these, in their order; all are opened in one program, and only what fails is looked at. */
export function* explainDirectories(directories: readonly Directory[]): Routine<Finding[]> {
  const program = new Program();
  const steps = directories.map(({ fd, absolute }) =>
    program.add('openat', MAY_FAIL, fd ?? AT_FDCWD, absolute ?? '.', O_PATH | O_DIRECTORY, 0),
  );
  yield* program.run();
  const findings: Finding[] = [];
  for (const [i, directory] of directories.entries()) {
    if (program.value(steps[i]!) === 0) continue;
    const { fd, absolute } = directory;
    const finding =
      absolute === undefined
        ? yield* explainDescriptor(directory, fd!)
        : yield* explainDirectory(directory, absolute);
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}
