// What is said of a path that stops on its way to a directory: by the errno, and what barred it.
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  FUSE_SUPER_MAGIC,
  O_DIRECTORY,
  O_PATH,
  STATX_MODE,
  STATX_TYPE,
} from '../kernel/constants.ts';
import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from '../kernel/errno.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeFileSystemStat, decodeStat } from '../kernel/stat.ts';
import { hintForMissing } from './missing-hint.ts';
import { shown } from './overlay-error.ts';
import { inside, type Stop } from './path-walk.ts';
import { type Subject, subjectText } from './subject.ts';

export const quote = (path: string | Uint8Array): string => JSON.stringify(shown(path));

/** The name at which the path stops, in the user's words where it stands there. */
export function placeAt({ part, through, directory, name }: Stop): Buffer {
  return through === undefined ? part : inside(directory, name);
}

/** `"/a/link" is a symbolic link to "x", and `, when the path stops in what a link says. */
function throughLink({ part, through }: Stop): string {
  if (through === undefined) return '';
  const { place, target } = through;
  const first = quote(part);
  const inner = quote(place) === first ? '' : ` (by way of ${quote(place)})`;
  return `${first} is a symbolic link to ${quote(target)}${inner}, and `;
}

/** A finding without its place. */
export interface Wrong {
  readonly code: string;
  readonly sentence: string;
  readonly hint: string;
}

function* missing(subject: Subject, path: Buffer, stop: Stop): Routine<Wrong> {
  const name = subjectText(subject);
  const place = placeAt(stop);
  if (stop.through !== undefined) {
    return {
      code: 'ERR_OVERLAY_DANGLING_SYMLINK',
      sentence: `${name}: ${throughLink(stop)}${quote(place)} does not exist`,
      hint: 'create what the link names, or correct the link',
    };
  }
  return {
    code: 'ERR_OVERLAY_NOT_FOUND',
    sentence: `${name} does not exist${place.equals(path) ? '' : `: there is no ${quote(place)}`}`,
    hint: yield* hintForMissing(subject, path, stop),
  };
}

// biome-ignore lint/correctness/useYield: it has the form of the other explanations
function* notDirectory(subject: Subject, path: Buffer, stop: Stop): Routine<Wrong> {
  const place = placeAt(stop);
  const what = place.equals(path) ? 'it' : quote(place);
  return {
    code: 'ERR_OVERLAY_NOT_DIRECTORY',
    sentence: `${subjectText(subject)}: ${throughLink(stop)}${what} is not a directory`,
    hint: 'name a directory',
  };
}

export const FUSE_HINT =
  'FUSE lets only the user in who mounted it: mount it with -o allow_other, or run as that user';
const SEARCHABLE_BY_ALL = 0o111;

function* noAccess(subject: Subject, _: Buffer, stop: Stop): Routine<Wrong> {
  const code = 'ERR_OVERLAY_NO_ACCESS';
  const name = subjectText(subject);
  const closed = quote(stop.directory);
  if (stop.barred === 'protected') {
    return {
      code,
      sentence: `${name}: ${quote(inside(stop.directory, stop.name))} is a symbolic link of somebody else in a directory that all may write to, and fs.protected_symlinks=1 keeps everybody, root too, from following it`,
      hint: 'name the directory that the link leads to',
    };
  }
  return {
    code,
    sentence: `${name}: this user may not search the directory ${closed}`,
    hint: yield* hintForClosed(stop.directory, closed),
  };
}

function* hintForClosed(directory: Buffer, closed: string): Routine<string> {
  const program = new Program();
  const open = program.add('openat', MAY_FAIL, AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0);
  const statx = program.add('statx', WANT | MAY_FAIL, open, '', AT_EMPTY_PATH, STATX_TYPE | STATX_MODE);
  const statfs = program.add('fstatfs', WANT | MAY_FAIL, open);
  yield* program.run();
  const [stat, filesystem] = [program.bytes(statx), program.bytes(statfs)];
  if (filesystem && decodeFileSystemStat(filesystem).type === FUSE_SUPER_MAGIC) {
    return FUSE_HINT;
  }
  const forAll = stat && (decodeStat(stat).mode & SEARCHABLE_BY_ALL) === SEARCHABLE_BY_ALL;
  return forAll
    ? `its mode lets everybody search ${closed}: look for an access list (getfacl) or a security module, or run as a user who may`
    : `grant search permission on ${closed} (chmod +x), or run as a user who has it`;
}

// biome-ignore lint/correctness/useYield: it has the form of the other explanations
function* looping(subject: Subject, _: Buffer, stop: Stop): Routine<Wrong> {
  const name = subjectText(subject);
  const link = quote(inside(stop.directory, stop.name));
  if (stop.barred === 'nosymfollow') {
    return {
      code: 'ERR_OVERLAY_NOSYMFOLLOW',
      sentence: `${name}: ${link} is a symbolic link on a mount with nosymfollow, where none is followed`,
      hint: 'name the directory that the link leads to, or mount without nosymfollow',
    };
  }
  const circle = stop.barred === 'circle';
  return {
    code: 'ERR_OVERLAY_SYMLINK_LOOP',
    sentence: circle
      ? `${name}: symbolic links in the path lead in a circle, back to ${link}`
      : `${name}: more than 40 symbolic links are on the way, and the kernel follows no more; the next is ${link}`,
    hint: circle
      ? 'correct the links: readlink shows where each leads'
      : 'name the directory that they lead to',
  };
}

/** The kernel takes a byte less. */
export const PATH_MAX = 4096;

/** A path, or a name in it, that is too long; `stop`: absent for a path that the kernel does not even begin with. */
// biome-ignore lint/correctness/useYield: it has the form of the other explanations
export function* tooLong(subject: Subject, path: Buffer, stop: Stop | undefined): Routine<Wrong> {
  const code = 'ERR_OVERLAY_NAME_TOO_LONG';
  const name = subjectText(subject);
  if (path.length >= PATH_MAX || stop === undefined) {
    return {
      code,
      sentence: `${name}: the absolute path has ${path.length} bytes, and the kernel takes ${PATH_MAX - 1}`,
      hint: 'use a shorter path, or open the directory and pass { fd }',
    };
  }
  return {
    code,
    sentence: `${name}: ${throughLink(stop)}the name ${quote(stop.name.subarray(0, 20))}… in it has ${stop.name.length} bytes, more than its filesystem takes (most take 255)`,
    hint: 'use a shorter name',
  };
}

type Explain = (subject: Subject, path: Buffer, stop: Stop) => Routine<Wrong>;

/** By the errno with which it stops. */
export const EXPLANATIONS: Readonly<Record<number, Explain>> = {
  [ENOENT]: missing,
  [ENOTDIR]: notDirectory,
  [EACCES]: noAccess,
  [ELOOP]: looping,
  [ENAMETOOLONG]: tooLong,
};
