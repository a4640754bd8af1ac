// What the target has where changes are to go: remembered, held against what the lowers have, and looked at again.
import type { Finding } from '../format/overlay-error.ts';
import type { MergedEntry } from '../layer/merged-entry.ts';
import type { BothViews } from './both-views.ts';
import { keyOf } from './entry-key.ts';
import { contentLine, digestOf, fingerprint, type Seen, type Target } from './target.ts';

export class Surroundings {
  readonly #target: Target;
  readonly #since: bigint | undefined;
  readonly #seen = new Map<string, Seen | undefined>();
  /** Of directories that go with all that is in them. */
  readonly #digests = new Map<string, string>();
  readonly #conflicts = new Map<string, Finding>();

  /** @param since what the target's clock said when the changes were begun to be made, if that is known */
  constructor(target: Target, since?: bigint) {
    this.#target = target;
    this.#since = since;
  }

  get conflicts(): readonly Finding[] {
    return [...this.#conflicts.values()];
  }

  async look(place: string): Promise<Seen | undefined> {
    if (!this.#seen.has(place)) this.#seen.set(place, await this.#target.look(place));
    return this.#seen.get(place);
  }

  /** What a look has told. */
  known(place: string): Seen | undefined {
    return this.#seen.get(place);
  }

  get places(): IterableIterator<[string, Seen | undefined]> {
    return this.#seen.entries();
  }

  #conflict(place: string, what: string): void {
    const path = this.#target.at(place);
    if (this.#conflicts.has(place)) return;
    const hint = 'look at it, and apply with force to have it overwritten, or leave it out by patterns';
    this.#conflicts.set(place, { code: 'ERR_OVERLAY_CONFLICT', sentence: `${path} ${what}`, hint, path });
  }

  /** A directory that the changes take for granted is not there. */
  missing(place: string, text: string): void {
    this.#conflict(place, `is no directory, and ${text} of the overlay is one with changes in it`);
  }

  otherNames(place: string): void {
    const what = 'has other names, which may have changed with it (index=on) and are left as they are';
    this.#conflict(place, what);
  }

  gone(path: string): void {
    const what = 'was there when it was changed, and is gone: somebody has deleted or renamed it';
    this.#conflict(path, what);
  }

  /**
   * Whether the target has what the changes were made of.
   *
   * @param copied when that was read, where it is not known when the changes were begun
   */
  async compare(views: BothViews, place: string, copied?: bigint): Promise<void> {
    const [before, seen] = [await views.was(place), await this.look(place)];
    if (before === undefined && seen === undefined) return;
    if (before === undefined) this.#conflict(place, `is there, a ${seen!.type}, and was not for the overlay`);
    else if (seen === undefined) this.#conflict(place, 'is not there, and was for the overlay');
    else if (!isSame(before, seen)) this.#conflict(place, 'is not what the overlay had below it');
    else if (isNewer(seen, this.#since)) this.#conflict(place, 'was changed since the overlay was made');
    else if (isNewer(seen, copied)) this.#conflict(place, 'was changed after the overlay had copied it');
  }

  /** The same for all that is in a directory that goes. */
  async compareContent(views: BothViews, place: string): Promise<void> {
    let newest = this.known(place)?.ctime ?? 0n;
    const lines = await this.#target.contentOf(place, ({ ctime }) => {
      if (ctime > newest) newest = ctime;
    });
    const digest = digestOf(lines);
    this.#digests.set(place, digest);
    if (this.#since !== undefined && newest > this.#since)
      this.#conflict(place, 'or something in it was changed since the overlay was made');
    // That something else was to be there is a conflict already.
    if ((await views.was(place))?.type !== 'directory') return;
    const seen: string[] = [];
    const start = place === '' ? 0 : place.length + 1;
    for await (const entry of views.before.walk(Buffer.from(place, 'latin1'))) {
      const path = keyOf(entry.path);
      if (path !== place) seen.push(contentLine(path.slice(start), entry.type, entry.size, entry.mtime));
    }
    if (digestOf(seen) !== digest) this.#conflict(place, 'has in it what the overlay did not have below it');
  }

  /** What is no longer as it was when it was looked at. */
  async changed(target: Target): Promise<Finding[]> {
    const now = new Surroundings(target);
    for (const [place, seen] of this.#seen) {
      const again = fingerprint(await target.look(place));
      if (again !== fingerprint(seen)) now.#conflict(place, 'was changed after it was looked at');
    }
    for (const [place, digest] of this.#digests) {
      const again = digestOf(await target.contentOf(place).catch(() => []));
      if (again !== digest) now.#conflict(place, 'has in it what was changed after it was looked at');
    }
    return [...now.conflicts];
  }
}

/** A directory is for new attributes alone: its entries are looked at by themselves, and change its mtime too. */
function isNewer({ type, ctime, mtime }: Seen, since: bigint | undefined): boolean {
  if (since === undefined || ctime <= since) return false;
  return type !== 'directory' || mtime <= since;
}

function isSame(before: MergedEntry, seen: Seen): boolean {
  if (before.type !== seen.type) return false;
  if (before.type === 'directory') return true;
  return before.mode === seen.mode && before.size === seen.size && before.mtime === seen.mtime;
}
