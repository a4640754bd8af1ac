// Turns changes into steps, by what the target has now.
import { shown } from '../format/overlay-error.ts';
import type { Change } from '../layer/change.ts';
import type { BothViews } from './both-views.ts';
import { keyOf, pathOf } from './entry-key.ts';
import { ancestorsOf, Frames } from './frames.ts';
import { Groups } from './link-groups.ts';
import type { Give, Put, Steps, Take } from './steps.ts';
import type { Surroundings } from './surroundings.ts';
import { type Seen, split } from './target.ts';
import { Vacancies, withWholeDirectories } from './whole-directories.ts';

const depth = (path: string) => (path === '' ? 0 : path.split('/').length);
const isDirectory = (entry: { readonly type: string } | undefined) => entry?.type === 'directory';

// The root of an overlay without root belongs to this user, whoever has the lower's, and could not be given to anybody.
function ownWhat(path: string, what: Change['what'], { uid }: Seen): Change['what'] {
  const user = process.geteuid!();
  return path === '' && user !== 0 && uid !== user ? what.filter((part) => part !== 'owner') : what;
}

export class Planner {
  readonly #views: BothViews;
  readonly #target: Surroundings;
  readonly #takes = new Map<string, Take>();
  readonly #puts = new Map<string, Put>();
  readonly #gives = new Map<string, Give>();
  #frames = new Frames([]);
  #ids = 0;

  constructor(views: BothViews, target: Surroundings) {
    this.#views = views;
    this.#target = target;
  }

  /** Of the changes as they are planned. */
  get frames(): Frames {
    return this.#frames;
  }

  /** `all`: no change was left out, so that the times of directories are those of the merged view. */
  async steps(selected: readonly Change[], all: boolean): Promise<Steps> {
    for (const { type, from } of selected)
      if (type === 'directory' && from !== undefined) await this.#target.look(keyOf(from));
    const canMove = (from: string) => isDirectory(this.#target.known(from));
    const changes = await withWholeDirectories(selected, this.#views, canMove);
    this.#frames = new Frames(changes);
    const groups = new Groups(changes);
    const vacancies = new Vacancies(changes);
    const inOrder = [...changes].sort((a, b) => depth(keyOf(a.path)) - depth(keyOf(b.path)));
    for (const change of inOrder) await this.#step(change, vacancies, groups);
    for (const put of [...this.#puts.values()]) await this.#clear(put);
    for (const { path } of all ? inOrder : []) this.#touched(split(keyOf(path)).parent, true);
    return {
      takes: [...this.#takes.values()].sort((a, b) => depth(b.place) - depth(a.place)),
      puts: [...this.#puts.values()].sort((a, b) => depth(a.path) - depth(b.path)),
      gives: [...this.#gives.values()].sort(
        (a, b) => Number(isDirectory(a)) - Number(isDirectory(b)) || depth(b.path) - depth(a.path),
      ),
    };
  }

  async #step(change: Change, vacancies: Vacancies, groups: Groups): Promise<void> {
    const { kind, type, from, what } = change;
    const path = keyOf(change.path);
    const place = this.#frames.placeOf(path);
    const seen = place === undefined ? undefined : await this.#target.look(place);
    if (kind === 'deleted') {
      if (seen !== undefined) this.#take(place!, false);
      return;
    }
    if (path !== '') await this.#needDirectory(split(path).parent);
    if (type === 'directory') {
      if (from !== undefined) {
        this.#putTaken(change, path);
        if (what.length > 0) this.#give(change, path, true);
        return;
      }
      if (isDirectory(seen) && !what.includes('type')) {
        // Also where it was not to be there: what is in it is then looked at there.
        this.#frames.stays(path, place!);
        if (what.length > 0 && ownWhat(path, what, seen!).every((part) => part === 'mtime'))
          return this.#touched(path, false);
        return this.#give(change, path, false, seen!.inode);
      }
      this.#put({ path, type, how: 'copied' });
      return this.#give(change, path, true);
    }
    await this.#checkNames(path, place, groups);
    const leader = groups.leaderOf(path);
    if (leader !== undefined && leader !== path) {
      const { id } = this.#puts.get(leader) ?? this.#put({ path: leader, type, how: 'copied' });
      this.#put({ path, type, how: 'linked', leader: id });
      return;
    }
    const alone = leader === undefined;
    const source = from === undefined ? place : keyOf(from);
    const old = source === undefined ? undefined : await this.#target.look(source);
    const kept =
      alone &&
      type === 'file' &&
      old?.type === 'file' &&
      old.nlink === 1 &&
      !what.includes('content') &&
      !what.includes('type') &&
      (kind === 'modified' || from !== undefined);
    if (kept && from !== undefined && vacancies.has(source!)) {
      this.#putTaken(change, path);
      if (what.length > 0) this.#give(change, path, true, old.inode);
    } else if (kept && from === undefined && (await this.#views.isSameFile(path, source!))) {
      if (what.length > 0) this.#give(change, path, false, old.inode);
    } else if (!this.#puts.has(path)) this.#put({ path, type, how: 'copied' });
  }

  /** With index=on a file of the lower keeps its names together, also those that the upper does not have. */
  async #checkNames(path: string, place: string | undefined, groups: Groups): Promise<void> {
    const before = place === undefined ? undefined : await this.#views.was(place);
    if (before === undefined || before.type === 'directory' || before.nlink < 2) return;
    const { nlink } = await this.#views.now(path);
    if (nlink > groups.sizeOf(path)) this.#target.otherNames(place!);
  }

  #take(place: string, kept: boolean): number {
    const known = this.#takes.get(place);
    const id = known?.id ?? this.#ids++;
    const type = this.#target.known(place)!.type;
    this.#takes.set(place, { place, id, type, kept: kept || known?.kept === true });
    return id;
  }

  #put(put: Omit<Put, 'id' | 'over'>): Put {
    const made = { ...put, id: this.#ids++, over: false };
    this.#puts.set(put.path, made);
    return made;
  }

  #putTaken({ type, from }: Change, path: string): void {
    const source = keyOf(from!);
    this.#puts.set(path, {
      path,
      type,
      how: 'taken',
      from: source,
      id: this.#take(source, true),
      over: false,
    });
  }

  #give({ type }: Pick<Change, 'type'>, path: string, silent: boolean, inode?: string): void {
    this.#gives.set(path, { path, type, timeOnly: false, silent, ...(inode === undefined ? {} : { inode }) });
  }

  /** The entries of a directory come or go: its time is then set again, and nothing else, which another target may have otherwise. */
  #touched(path: string, silent: boolean): void {
    if (!this.#gives.has(path)) this.#gives.set(path, { path, type: 'directory', timeOnly: true, silent });
  }

  /** Makes the directories that a path needs, where the target has none. */
  async #needDirectory(path: string): Promise<void> {
    for (const at of path === '' ? [] : [...ancestorsOf(path), path]) {
      if (isDirectory(this.#puts.get(at))) continue;
      const place = this.#frames.directoryAt(at);
      if (place !== undefined && isDirectory(await this.#target.look(place))) continue;
      this.#put({ path: at, type: 'directory', how: 'copied' });
      this.#give({ type: 'directory' }, at, true);
      this.#target.missing(at, shown(pathOf(at)));
    }
  }

  /** rename(2) replaces what is no directory by what is none; all else has to go first. */
  async #clear(put: Put): Promise<void> {
    const place = this.#frames.placeOf(put.path);
    if (place === undefined || this.#takes.has(place)) return;
    const around = [...ancestorsOf(place)].findLast((above) => this.#takes.has(above));
    if (around !== undefined && !this.#takes.get(around)!.kept) return;
    const seen = await this.#target.look(place);
    if (seen === undefined) return;
    if (isDirectory(seen) || isDirectory(put)) this.#take(place, false);
    this.#puts.set(put.path, { ...put, over: true });
  }
}
