// Finds out before anything is done what would stop it half-way: rights that lack, and flags that forbid.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Finding } from '../format/overlay-error.ts';
import { procPath } from '../kernel/constants.ts';
import type { Frames } from './frames.ts';
import type { Steps } from './steps.ts';
import { type Seen, split, type Target } from './target.ts';

const STICKY = 0o1000;

class Permission {
  readonly #target: Target;
  readonly #user = process.geteuid!();
  readonly #directories = new Map<string, Finding | undefined>();
  readonly found = new Map<string, Finding>();

  constructor(target: Target) {
    this.#target = target;
  }

  #isMine(seen: Seen): boolean {
    return this.#user === 0 || seen.uid === this.#user;
  }

  #refuse(code: string, place: string, what: string, hint: string): void {
    const path = this.#target.at(place);
    this.found.set(place, { code, sentence: `${path} ${what}`, hint, path });
  }

  #forbidden(place: string, what: string): void {
    const hint = 'run as the owner or as root, or leave it out by patterns';
    this.#refuse('ERR_OVERLAY_NO_ACCESS', place, what, hint);
  }

  /** Entries of it come or go. */
  async directory(place: string): Promise<void> {
    if (this.#directories.has(place)) return;
    this.#directories.set(place, undefined);
    const seen = await this.#target.look(place);
    if (seen?.type !== 'directory') return;
    if (seen.immutable) return this.#immutable(place);
    try {
      await this.#target.inDirectory(place, (fd) => access(procPath(fd), constants.W_OK | constants.X_OK));
    } catch {
      this.#forbidden(place, 'is a directory that this user may not write in');
    }
  }

  /** It goes from its place. */
  async leaves(place: string): Promise<void> {
    const { parent } = split(place);
    await this.directory(parent);
    const [seen, above] = [await this.#target.look(place), await this.#target.look(parent)];
    if (seen === undefined || above === undefined) return;
    if (seen.immutable) return this.#immutable(place);
    // rename(2) of a directory writes in it where its parent is.
    if (seen.type === 'directory') await this.directory(place);
    if ((above.mode & STICKY) !== 0 && !this.#isMine(seen) && !this.#isMine(above))
      this.#forbidden(place, 'is of another user, in a directory where only the owner may remove it');
  }

  async given(place: string): Promise<void> {
    const seen = await this.#target.look(place);
    if (seen === undefined) return;
    if (seen.immutable) this.#immutable(place);
    else if (!this.#isMine(seen))
      this.#forbidden(place, 'is of another user, so that its attributes cannot be set');
  }

  #immutable(place: string): void {
    const hint = 'take the flags away: chattr -ia';
    this.#refuse('ERR_OVERLAY_IMMUTABLE', place, 'is immutable or append-only', hint);
  }
}

/** ERR_OVERLAY_NO_ACCESS and ERR_OVERLAY_IMMUTABLE, all that are found. */
export async function obstaclesTo(target: Target, frames: Frames, steps: Steps): Promise<Finding[]> {
  const permission = new Permission(target);
  for (const { place } of steps.takes) await permission.leaves(place);
  for (const { path, over } of steps.puts) {
    const above = frames.directoryAt(split(path).parent);
    if (above !== undefined) await permission.directory(above);
    const place = over ? frames.placeOf(path) : undefined;
    if (place !== undefined) await permission.leaves(place);
  }
  for (const { path, timeOnly, inode } of steps.gives) {
    if (timeOnly || inode === undefined) continue;
    const put = steps.puts.find((one) => one.path === path);
    const place = put?.from ?? frames.directoryAt(path);
    if (place !== undefined) await permission.given(place);
  }
  return [...permission.found.values()];
}
