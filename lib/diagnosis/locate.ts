// Where a path of an error lies: on which mount, and at which place of an overlay, found by walking up from its end.
import { close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_NOFOLLOW,
  O_PATH,
  procPath,
  S_IFLNK,
  S_IFMT,
  STATX_MNT_ID,
  STATX_TYPE,
} from '../kernel/constants.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
import { namesOf, placeOfNames } from './layer-entries.ts';
import type { Directory } from './subject.ts';

export interface Located {
  /** Of the nearest directory that could be reached; as in mountinfo. */
  readonly mountId: bigint;
  /** Without links, as far as it could be reached. */
  readonly realPath: Buffer;
  /** Relative to the overlay's root; undefined when it lies elsewhere. */
  readonly place: Buffer | undefined;
  /** A descriptor of what the path names, when the kernel gives it; the caller closes it. */
  readonly itself: number | undefined;
}

// Calls that act on a link itself.
const ON_LINKS: ReadonlySet<string> = new Set([
  'lstat',
  'unlink',
  'rename',
  'readlink',
  'lchown',
  'lutimes',
  'rm',
  'symlink',
  'link',
]);

interface Opened {
  readonly fd: number;
  readonly mountId: bigint;
  readonly realPath: Buffer;
  readonly isLink: boolean;
}

/** Opens without access to the content; the caller closes `fd`. */
export function* openPlace(
  dir: number,
  path: string | Uint8Array,
  flags: number = 0,
): Routine<Opened | undefined> {
  const open = new Program();
  const step = open.add('openat', KEEP | MAY_FAIL, dir, path, O_PATH | flags, 0);
  yield* open.run();
  const fd = open.value(step);
  if (fd < 0) return undefined;
  const look = new Program();
  const statx = look.add('statx', WANT | MAY_FAIL, fd, '', AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID);
  const link = look.add('readlinkat', WANT | MAY_FAIL, AT_FDCWD, procPath(fd));
  yield* look.run();
  const [stat, name] = [look.bytes(statx), look.bytes(link)];
  if (stat === undefined || name === undefined) {
    close(fd);
    return undefined;
  }
  const { mountId, mode } = decodeStat(stat);
  return { fd, mountId, realPath: Buffer.from(name), isLink: (mode & S_IFMT) === S_IFLNK };
}

/** The part of a real path below the overlay's root, which for a detached overlay is `/`. */
function below(realPath: Buffer, root: Buffer): Buffer | undefined {
  const [names, above] = [namesOf(realPath), namesOf(root)];
  if (!above.every((name, i) => names[i]?.equals(name))) return undefined;
  return placeOfNames(names.slice(above.length));
}

/** The nearest to the end of the path that can be opened, and the names after it. */
function* nearest(path: Buffer, follow: boolean): Routine<{ opened: Opened; rest: Buffer[] } | undefined> {
  const names = namesOf(path);
  for (let length = names.length; length >= 0; length--) {
    const whole = length === names.length;
    const prefix = Buffer.concat([Buffer.from('/'), placeOfNames(names.slice(0, length))]);
    let opened = yield* openPlace(AT_FDCWD, prefix, whole ? O_NOFOLLOW : 0);
    if (whole && follow && opened?.isLink) {
      const through = yield* openPlace(AT_FDCWD, prefix);
      if (through !== undefined) {
        close(opened.fd);
        opened = through;
      }
    }
    if (opened !== undefined) return { opened, rest: names.slice(length) };
  }
  return undefined;
}

/** @param root of the overlay in question */
export function* locate(
  path: Buffer,
  root: Directory | undefined,
  syscall: string | undefined,
): Routine<Located | undefined> {
  const found = yield* nearest(path, syscall === undefined || !ON_LINKS.has(syscall));
  if (found === undefined) return undefined;
  const { opened, rest } = found;
  const { fd, mountId } = opened;
  const whole = rest.length === 0;
  if (!whole) close(fd);
  const realPath = Buffer.concat([Buffer.from('/'), placeOfNames([...namesOf(opened.realPath), ...rest])]);
  const top = root && (yield* openPlace(root.fd ?? AT_FDCWD, root.fd === undefined ? root.absolute! : '.'));
  if (top !== undefined) close(top.fd);
  const place = top?.mountId === mountId ? below(realPath, top.realPath) : undefined;
  return { mountId, realPath, place, itself: whole ? fd : undefined };
}
