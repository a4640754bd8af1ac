// Does what a journal says, from wherever it stands: each operation may have been done before.
import { OverlayError } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import { O_NOFOLLOW, O_PATH } from '../kernel/constants.ts';
import { ENOENT, EPERM } from '../kernel/errno.ts';
import { allNames } from '../kernel/names.ts';
import { runAsync } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import { giveAttributes, giveTime } from '../layer/attributes.ts';
import { INSIDE } from '../layer/layer.ts';
import type { Journal, JournalRecord, Operation, Stage } from './journal.ts';
import { isErrno, split, type Target } from './target.ts';

const bytes = (path: string) => Buffer.from(path, 'latin1');

async function namesIn(fd: number): Promise<Set<string>> {
  // From the beginning, wherever the descriptor stands.
  const again = await runAsync(call('openat', fd, '.', 0, 0));
  try {
    return new Set((await runAsync(allNames(again))).map(String));
  } finally {
    close(again);
  }
}

class Performance {
  readonly #target: Target;
  readonly #journal: Journal;
  readonly #new: Set<string>;
  readonly #old: Set<string>;

  constructor(target: Target, journal: Journal, made: Set<string>, old: Set<string>) {
    this.#target = target;
    this.#journal = journal;
    this.#new = made;
    this.#old = old;
  }

  async do(operation: Operation): Promise<void> {
    switch (operation[0]) {
      case 'take':
        return await this.#take(operation[1], String(operation[2]));
      case 'put':
        return await this.#put(operation[1], String(operation[2]), operation[3]);
      case 'give': {
        const [, path, attributes, inode] = operation;
        return await this.#at(path, async (fd) => {
          await this.#require(fd, inode);
          await runAsync(giveAttributes(fd, attributes));
        });
      }
      case 'time':
        return await this.#at(operation[1], async (fd) => await this.#time(fd, BigInt(operation[2])));
    }
  }

  async #take(place: string, id: string): Promise<void> {
    if (this.#old.has(id)) return;
    const { parent, name } = split(place);
    await this.#target.inDirectory(parent, (dir) =>
      runAsync(call('renameat2', dir, bytes(name), this.#journal.old, id, 0)),
    );
    this.#old.add(id);
  }

  async #put(from: 'new' | 'old', id: string, path: string): Promise<void> {
    const { parent, name } = split(path);
    await this.#target.inDirectory(parent, async (dir) => {
      if ((from === 'new' ? this.#new : this.#old).has(id))
        await runAsync(call('renameat2', this.#journal[from], id, dir, bytes(name), 0));
      // Done before: then it is there.
      else close(await runAsync(call('openat2', dir, bytes(name), O_PATH | O_NOFOLLOW, 0, INSIDE)));
    });
  }

  async #at(path: string, use: (fd: number) => Promise<void>): Promise<void> {
    const { parent, name } = split(path);
    await this.#target.inDirectory(parent, async (dir) => {
      const file = name === '' ? '.' : bytes(name);
      const fd = await runAsync(call('openat2', dir, file, O_PATH | O_NOFOLLOW, 0, INSIDE));
      try {
        await use(fd);
      } finally {
        close(fd);
      }
    });
  }

  async #require(fd: number, inode: string | null): Promise<void> {
    if (inode === null) return;
    const { stat } = await runAsync(scanEntry(fd, '', { xattrs: [] }));
    if (`${stat!.devMajor}:${stat!.devMinor}:${stat!.ino}` === inode) return;
    throw new Error('something else is there now');
  }

  /** Who may write in a directory may not set its time, unless it is theirs: then it has the time of this. */
  async #time(fd: number, mtime: bigint): Promise<void> {
    try {
      await runAsync(giveTime(fd, mtime));
    } catch (error) {
      if (!isErrno(error, EPERM)) throw error;
    }
  }
}

function notFinished(target: Target, journal: Journal, operation: Operation, error: unknown): OverlayError {
  const [verb, ...rest] = operation;
  const path = target.at(verb === 'put' ? (rest[2] as string) : (rest[0] as string));
  const why = isErrno(error, ENOENT) ? 'it, or its directory, is not there' : (error as Error).message;
  const at = target.at(journal.name);
  const sentence = `changes are applied to ${target.shown} in part: ${path} could not be dealt with (${why}); the rest waits in ${at}`;
  const hint = 'remove the cause, then call resumeApply(), or overlayfs apply --resume';
  return new OverlayError([{ code: 'ERR_OVERLAY_APPLY_UNFINISHED', sentence, hint, path }], error);
}

/** Finishes, from the stage on. @throws {OverlayError} ERR_OVERLAY_APPLY_UNFINISHED, ERR_OVERLAY_REMAINS */
export async function perform(
  target: Target,
  journal: Journal,
  from: Stage,
  record: JournalRecord,
  onStep: () => void = () => {},
): Promise<void> {
  const performance = new Performance(
    target,
    journal,
    await namesIn(journal.new),
    await namesIn(journal.old),
  );
  const all = async (wanted: (operation: Operation) => boolean): Promise<void> => {
    for (const operation of record.operations.filter(wanted)) {
      try {
        await performance.do(operation);
      } catch (error) {
        throw notFinished(target, journal, operation, error);
      }
      onStep();
    }
  };
  if (from === 'planned') {
    await all(([verb]) => verb === 'take');
    await journal.advance('planned', 'taken');
  }
  if (from !== 'done') {
    await all(([verb]) => verb !== 'take');
    await journal.advance('taken', 'done');
  }
  await tidyUp(target, journal, record);
}

async function tidyUp(target: Target, journal: Journal, { rootTime }: JournalRecord): Promise<void> {
  try {
    await journal.remove(target);
  } catch (error) {
    const path = target.at(journal.name);
    const sentence = `the changes are applied to ${target.shown}, and what they replaced could not be removed (${(error as Error).message}): it is in ${path}`;
    throw new OverlayError(
      [{ code: 'ERR_OVERLAY_REMAINS', sentence, hint: `remove ${path} by hand`, path }],
      error,
    );
  }
  await new Performance(target, journal, new Set(), new Set()).do(['time', '', rootTime]);
}
