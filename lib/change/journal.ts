// The journal of an apply: a directory in the target, with what is to be put there, what was taken away, and a mark.
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { OverlayError } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, procPath } from '../kernel/constants.ts';
import { ENOENT } from '../kernel/errno.ts';
import { allNames } from '../kernel/names.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { type Routine, runAsync } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import { makeUsableDirectory } from '../kernel/usable-directory.ts';
import { type Attributes, giveTime } from '../layer/attributes.ts';
import { isErrno, type Target } from './target.ts';

const PREFIX = '.overlayfs-apply-';

export type Operation =
  | readonly ['take', place: string, id: number]
  | readonly ['put', from: 'new' | 'old', id: number, path: string]
  | readonly ['give', path: string, attributes: Attributes, inode: string | null]
  | readonly ['time', path: string, mtime: string];

/** What was decided, in paths of one character a byte. */
export interface JournalRecord {
  readonly version: 1;
  readonly operations: readonly Operation[];
  /** The target's own time, once the journal is gone. */
  readonly rootTime: string;
}

/**
 * How far it has come, and the name of the file with the record then. Before `planned` nothing was done; from then on all
 * is. Between the others what is in `old` tells whether a thing was taken, and what is in `new` whether it was put.
 */
export const STAGES = ['planned', 'taken', 'done'] as const;
export type Stage = (typeof STAGES)[number];

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

export class Journal implements Disposable {
  readonly name: string;
  readonly fd: number;
  /** What is to be put. */
  readonly new: number;
  /** What was taken. */
  readonly old: number;

  constructor(name: string, fd: number, made: number, old: number) {
    this.name = name;
    this.fd = fd;
    this.new = made;
    this.old = old;
  }

  static async make(target: Target): Promise<Journal> {
    const name = `${PREFIX}${randomBytes(8).toString('hex')}`;
    return await runAsync(
      (function* () {
        yield* makeUsableDirectory(target.fd, name, 0o700);
        try {
          yield* filled(target.fd, name);
          return yield* opened(target.fd, name);
        } catch (error) {
          yield* removeTree(target.fd, name);
          throw error;
        }
      })(),
    );
  }

  /** One that is there. Only its owner can have written it. */
  static async open(target: Target, name: string): Promise<Journal> {
    const { stat } = await runAsync(scanEntry(target.fd, name, { xattrs: [] }));
    if (stat?.uid !== process.geteuid!() || (stat.mode & 0o077) !== 0) {
      const path = `${target.shown}/${name}`;
      const sentence = `${path} is a journal of another user, or others may write in it: it is not believed`;
      const hint = 'have its owner finish it';
      throw new OverlayError([{ code: 'ERR_OVERLAY_FOREIGN_JOURNAL', sentence, hint, path }]);
    }
    return await runAsync(opened(target.fd, name));
  }

  [Symbol.dispose](): void {
    for (const fd of [this.new, this.old, this.fd]) close(fd);
  }

  #path(name: string): string {
    return `${procPath(this.fd)}/${name}`;
  }

  /** Writes the record and, when all is on disk, its name: from here on it will be done. */
  async commit(record: JournalRecord): Promise<void> {
    await writeFile(this.#path('writing'), JSON.stringify(record), { mode: 0o600, flag: 'wx' });
    await this.advance('writing', 'planned');
    await runAsync(call('syncfs', this.fd));
  }

  /** What was done before is on disk before the mark is. */
  async advance(from: Stage | 'writing', to: Stage): Promise<void> {
    await runAsync(call('syncfs', this.fd));
    await rename(this.#path(from), this.#path(to));
  }

  /** Undefined when nothing was decided. */
  async stage(): Promise<Stage | undefined> {
    for (const stage of STAGES) {
      const { stat } = await runAsync(scanEntry(this.fd, stage, { xattrs: [] }));
      if (stat !== undefined) return stage;
    }
    return undefined;
  }

  async read(stage: Stage): Promise<JournalRecord> {
    return JSON.parse(await readFile(this.#path(stage), 'utf8')) as JournalRecord;
  }

  /** Everything in it goes; nothing of the target's is in it any more. */
  async remove(target: Target): Promise<void> {
    await runAsync(removeTree(target.fd, this.name));
  }

  /** As if it had never been. */
  async undo(target: Target, rootTime: bigint): Promise<void> {
    await this.remove(target);
    await runAsync(giveTime(target.fd, rootTime));
  }
}

function* filled(target: number, name: string): Routine<void> {
  const fd = yield* call('openat', target, name, DIRECTORY, 0);
  try {
    yield* withoutDefaults(fd);
    for (const part of ['new', 'old']) yield* makeUsableDirectory(fd, part, 0o700);
  } finally {
    close(fd);
  }
}

function* opened(target: number, name: string): Routine<Journal> {
  const fds: number[] = [];
  try {
    fds.push(yield* call('openat', target, name, DIRECTORY, 0));
    for (const part of ['new', 'old']) fds.push(yield* call('openat', fds[0]!, part, DIRECTORY, 0));
    const [fd, made, old] = fds as [number, number, number];
    return new Journal(name, fd, made, old);
  } catch (error) {
    for (const fd of fds) close(fd);
    throw error;
  }
}

// What is made in a directory with a default ACL gets one.
function* withoutDefaults(fd: number): Routine<void> {
  const { xattrs } = yield* scanEntry(fd, '', { xattrs: ['system.posix_acl_default'] });
  for (const name of xattrs.keys()) yield* call('removexattr', fd, name);
}

/** The names of journals in the target. */
export async function journalsIn(target: Target): Promise<string[]> {
  const fd = await runAsync(call('openat', target.fd, '.', DIRECTORY, 0));
  try {
    const names = await runAsync(allNames(fd));
    return names.map((name) => name.toString('latin1')).filter((name) => name.startsWith(PREFIX));
  } finally {
    close(fd);
  }
}

/** Removes what a crash left before anything was decided. Gives the journal that has to be finished, if there is one. */
export async function unfinished(target: Target): Promise<string | undefined> {
  for (const name of await journalsIn(target)) {
    let stage: Stage | undefined;
    try {
      using journal = await Journal.open(target, name);
      stage = await journal.stage();
    } catch (error) {
      // It was cut off while it was made, or while it was removed.
      if (!isErrno(error, ENOENT)) throw error;
    }
    if (stage !== undefined) return name;
    await runAsync(removeTree(target.fd, name));
  }
  return undefined;
}
