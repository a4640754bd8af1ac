// Where a path stops leading on: it is walked again as the kernel walks it, name by name and link by link.
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  PROC_SUPER_MAGIC,
  procPath,
  S_IFLNK,
  S_IFMT,
  S_ISVTX,
  S_IWOTH,
  ST_NOSYMFOLLOW,
  STATX_BASIC_STATS,
} from '../kernel/constants.ts';
import { EACCES, ELOOP, ENOTDIR } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeFileSystemStat, decodeStat, type Stat } from '../kernel/stat.ts';

/** A link on the way, and what it says. */
export interface Link {
  readonly place: Buffer;
  readonly target: Buffer;
}

/** Why a link is not followed, where its text is not to blame. */
export type Barred = 'nosymfollow' | 'protected' | 'circle' | 'many';

export interface Stop {
  /** Positive. */
  readonly errno: number;
  /** Of the given path, up to the name at which it stops: that of a link, when it is in what the link says. */
  readonly part: Buffer;
  /** The directory in which the name was looked for; without links. */
  readonly directory: Buffer;
  readonly name: Buffer;
  /** The innermost link whose text led here; absent when the name stands in the given path. */
  readonly through: Link | undefined;
  readonly barred?: Barred;
}

const SLASH = 0x2f;
// MAXSYMLINKS of linux/namei.h.
const MOST_LINKS = 40;

interface Step {
  readonly name: Buffer;
  readonly part: Buffer;
  readonly through: Link | undefined;
}

/** Where the walk is: the directory, open and by its path without links. */
interface Here {
  readonly fd: number;
  readonly path: Buffer;
}

/** The names of a path with the prefixes that end in them; an empty one stands for a slash at the end. */
function stepsOf(path: Buffer): { name: Buffer; part: Buffer }[] {
  const steps: { name: Buffer; part: Buffer }[] = [];
  for (let start = 0; start < path.length; ) {
    let end = path.indexOf(SLASH, start);
    if (end < 0) end = path.length;
    if (end > start) steps.push({ name: path.subarray(start, end), part: path.subarray(0, end) });
    start = end + 1;
  }
  if (path.at(-1) === SLASH) steps.push({ name: Buffer.alloc(0), part: path });
  return steps;
}

export function inside(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from(directory.length === 1 ? '' : '/'), name]);
}

function above(path: Buffer): Buffer {
  const slash = path.lastIndexOf(SLASH);
  return path.subarray(0, Math.max(slash, 1));
}

interface Looked {
  readonly fd: number;
  readonly stat: Stat | undefined;
}

function* look(dir: number, name: Buffer): Routine<Looked> {
  const program = new Program();
  const at = name.length === 0 ? '.' : name;
  const open = program.add('openat', KEEP | MAY_FAIL, dir, at, O_PATH | O_NOFOLLOW, 0);
  const statx = program.add('statx', WANT | MAY_FAIL, open, '', AT_EMPTY_PATH, STATX_BASIC_STATS);
  yield* program.run();
  const bytes = program.bytes(statx);
  return { fd: program.value(open), stat: bytes && decodeStat(bytes) };
}

// fs.protected_symlinks: in a sticky directory that everybody may write to, only one's own links and those of the
// directory's owner are followed, even by root, where a path ends in them.
function* isProtected(link: Stat, directory: Stat): Routine<boolean> {
  const open = S_ISVTX | S_IWOTH;
  if ((directory.mode & open) !== open) return false;
  if (link.uid === process.geteuid!() || link.uid === directory.uid) return false;
  return (yield* readIfPossible('/proc/sys/fs/protected_symlinks'))?.toString().trim() === '1';
}

interface ReadLink {
  readonly target: Buffer;
  readonly onProc: boolean;
  readonly barred: Barred | undefined;
}

function* readLink(dir: number, { fd, stat }: Looked): Routine<ReadLink | number> {
  const program = new Program();
  const text = program.add('readlinkat', WANT | MAY_FAIL, fd, '');
  const statfs = program.add('fstatfs', WANT | MAY_FAIL, fd);
  const statx = program.add('statx', WANT | MAY_FAIL, dir, '', AT_EMPTY_PATH, STATX_BASIC_STATS);
  yield* program.run();
  const [target, filesystem, directory] = [text, statfs, statx].map((step) => program.bytes(step));
  if (target === undefined) return -program.value(text);
  const { type, flags } = filesystem ? decodeFileSystemStat(filesystem) : { type: 0, flags: 0 };
  const guarded = directory !== undefined && (yield* isProtected(stat!, decodeStat(directory)));
  return {
    target: Buffer.from(target),
    onProc: type === PROC_SUPER_MAGIC,
    barred: flags & ST_NOSYMFOLLOW ? 'nosymfollow' : guarded ? 'protected' : undefined,
  };
}

const BARRED_ERRNO: Readonly<Record<Barred, number>> = {
  nosymfollow: ELOOP,
  protected: EACCES,
  circle: ELOOP,
  many: ELOOP,
};

class Walk {
  readonly #todo: Step[];
  #here: Here;
  #links = 0;
  /** Links that were followed, and how many names were left then: a circle comes back to one with no fewer. */
  readonly #met: Map<string, number> = new Map();

  constructor(path: Buffer, root: number) {
    this.#todo = stepsOf(path).map((step) => ({ ...step, through: undefined }));
    this.#here = { fd: root, path: Buffer.from('/') };
  }

  *run(): Routine<Stop | undefined> {
    try {
      for (let step = this.#todo.shift(); step !== undefined; step = this.#todo.shift()) {
        const stop = yield* this.#take(step);
        if (stop !== undefined) return stop;
      }
      return undefined;
    } finally {
      close(this.#here.fd);
    }
  }

  #stop({ name, part, through }: Step, errno: number, barred?: Barred): Stop {
    return { errno, part, name, through, directory: this.#here.path, ...(barred && { barred }) };
  }

  #go(fd: number, path: Buffer): void {
    close(this.#here.fd);
    this.#here = { fd, path };
  }

  *#take(step: Step): Routine<Stop | undefined> {
    const looked = yield* look(this.#here.fd, step.name);
    if (looked.fd < 0) return this.#stop(step, -looked.fd);
    if (looked.stat !== undefined && (looked.stat.mode & S_IFMT) === S_IFLNK) {
      try {
        return yield* this.#follow(step, looked);
      } finally {
        close(looked.fd);
      }
    }
    if (looked.stat?.isDirectory === false) {
      close(looked.fd);
      return this.#stop(step, ENOTDIR);
    }
    const name = step.name.toString('latin1');
    const { path } = this.#here;
    this.#go(
      looked.fd,
      name === '' || name === '.' ? path : name === '..' ? above(path) : inside(path, step.name),
    );
    return undefined;
  }

  *#follow(step: Step, looked: Looked): Routine<Stop | undefined> {
    const link = yield* readLink(this.#here.fd, looked);
    if (typeof link === 'number') return this.#stop(step, link);
    const place = inside(this.#here.path, step.name);
    const trailing = this.#todo.every(({ name }) => name.length === 0);
    const refused = link.barred === 'protected' && !trailing ? undefined : link.barred;
    const barred = refused ?? this.#countLink(place);
    if (barred !== undefined) return this.#stop(step, BARRED_ERRNO[barred], barred);
    // The links of /proc lead to what they name whatever their text says.
    if (link.onProc) return yield* this.#jump(step);
    const through = { place, target: link.target };
    const more = stepsOf(link.target).map(({ name }): Step => ({ name, part: step.part, through }));
    this.#todo.unshift(...more);
    if (link.target[0] === SLASH) {
      this.#go(yield* call('openat', AT_FDCWD, '/', O_PATH | O_DIRECTORY, 0), Buffer.from('/'));
    }
    return undefined;
  }

  *#jump(step: Step): Routine<Stop | undefined> {
    try {
      const fd = yield* call('openat', this.#here.fd, step.name, O_PATH | O_DIRECTORY, 0);
      const path = yield* call('readlinkat', AT_FDCWD, procPath(fd));
      this.#go(fd, path[0] === SLASH ? path : inside(this.#here.path, step.name));
      return undefined;
    } catch (error) {
      if (error instanceof KernelError) return this.#stop(step, -error.errno);
      throw error;
    }
  }

  #countLink(place: Buffer): Barred | undefined {
    const key = place.toString('latin1');
    const before = this.#met.get(key);
    if (before !== undefined && this.#todo.length >= before) return 'circle';
    if (before === undefined) this.#met.set(key, this.#todo.length);
    this.#links += 1;
    return this.#links > MOST_LINKS ? 'many' : undefined;
  }
}

/** Where an absolute path stops on its way to a directory; undefined when it leads to one. */
export function* walkPath(path: Buffer): Routine<Stop | undefined> {
  try {
    return yield* new Walk(path, yield* call('openat', AT_FDCWD, '/', O_PATH | O_DIRECTORY, 0)).run();
  } catch (error) {
    // Not even that: no descriptor is left.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}
