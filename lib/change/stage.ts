// Makes ready in the journal what will be put into the target, with all its attributes, and writes down what is to be done.
import { link, symlink } from 'node:fs/promises';
import { pathToBytes } from '../format/path-bytes.ts';
import { call, close } from '../kernel/call.ts';
import { O_NOFOLLOW, O_PATH, procPath } from '../kernel/constants.ts';
import { copyContent } from '../kernel/copy-content.ts';
import { deviceNumber } from '../kernel/device-number.ts';
import { runAsync } from '../kernel/routine.ts';
import { type Attributes, attributesOf, giveAttributes } from '../layer/attributes.ts';
import type { MergedEntry } from '../layer/merged-entry.ts';
import type { BothViews } from './both-views.ts';
import type { Journal, Operation } from './journal.ts';
import type { Put, Steps } from './steps.ts';
import type { Target } from './target.ts';

const MODES: Readonly<Partial<Record<MergedEntry['type'], number>>> = {
  fifo: 0o010000,
  character: 0o020000,
  block: 0o060000,
  socket: 0o140000,
};

// Until the end a directory is open to its owner, who has to fill it.
const OPEN = 0o700;

export interface StageOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEntry: () => void;
  readonly onBytes: (count: number) => void;
}

export class Staging {
  readonly #views: BothViews;
  readonly #target: Target;
  readonly #journal: Journal;
  readonly #options: StageOptions;
  readonly #directories = new Map<string, Attributes>();

  constructor(views: BothViews, target: Target, journal: Journal, options: StageOptions) {
    this.#views = views;
    this.#target = target;
    this.#journal = journal;
    this.#options = options;
  }

  /** @throws {OverlayError} ERR_OVERLAY_NO_SPACE and the like: the target is as it was */
  async all({ takes, puts, gives }: Steps): Promise<Operation[]> {
    for (const put of puts) {
      this.#options.signal?.throwIfAborted();
      try {
        await this.#stage(put);
      } catch (error) {
        throw this.#target.failure(error, put.path);
      }
      this.#options.onEntry();
    }
    const operations: Operation[] = [
      ...takes.map(({ place, id }): Operation => ['take', place, id]),
      ...puts.map(({ path, how, id }): Operation => ['put', how === 'taken' ? 'old' : 'new', id, path]),
    ];
    for (const { path, timeOnly, inode = null } of gives) {
      const known = this.#directories.get(path) ?? attributesOf(await this.#views.now(path));
      operations.push(timeOnly ? ['time', path, known.mtime] : ['give', path, known, inode]);
    }
    return operations;
  }

  async #stage({ path, how, id, type, leader }: Put): Promise<void> {
    if (how === 'taken') return;
    const dir = this.#journal.new;
    const name = String(id);
    if (how === 'linked') return await link(`${procPath(dir)}/${leader}`, `${procPath(dir)}/${name}`);
    const entry = await this.#views.now(path);
    const attributes = attributesOf(entry);
    if (type === 'directory') {
      this.#directories.set(path, attributes);
      await runAsync(call('mkdirat', dir, name, OPEN));
      return await this.#give(name, { ...attributes, mode: OPEN });
    }
    await this.#make(entry, name);
    await this.#give(name, attributes);
  }

  async #make(entry: MergedEntry, name: string): Promise<void> {
    const dir = this.#journal.new;
    if (entry.type === 'file') {
      await using source = await this.#views.after.open(entry.path);
      return await copyContent(source, `${procPath(dir)}/${name}`, this.#options.onBytes);
    }
    if (entry.type === 'symlink') {
      const to = await this.#views.after.readlink(entry.path);
      return await symlink(pathToBytes(to), `${procPath(dir)}/${name}`);
    }
    await runAsync(call('mknodat', dir, name, MODES[entry.type]! | 0o600, deviceNumber(entry.rdev)));
  }

  async #give(name: string, attributes: Attributes): Promise<void> {
    const fd = await runAsync(call('openat', this.#journal.new, name, O_PATH | O_NOFOLLOW, 0));
    try {
      await runAsync(giveAttributes(fd, attributes));
    } finally {
      close(fd);
    }
  }
}
