// The views of a command: a throw-away overlay for each directory that it sees covered.
import { type Finding, OverlayError, shown } from '../format/overlay-error.ts';
import { bytesToPath } from '../format/path-bytes.ts';
import type { Routine } from '../kernel/routine.ts';
import { scratchRoutine } from '../mount/scratch.ts';
import type { ScratchOverlay } from '../mount/scratch-overlay.ts';
import type { RunRequest } from './options.ts';
import { isWithin, type Mounted, type Places, placesAt, placesOfAll } from './places.ts';

export interface View {
  /** Where the command sees it. */
  readonly at: Buffer;
  /** The same from the root of all views; empty for that itself. */
  readonly place: string;
  readonly overlay: ScratchOverlay;
  /** The state of its upper's root at first. */
  readonly pristine: Buffer;
}

/** All that a command sees otherwise than this process does. */
export interface Views {
  readonly views: readonly View[];
  readonly carried: readonly Mounted[];
  /** Where mounts are that have become read-only. */
  readonly readOnly: readonly Buffer[];
  /** What could not be covered. */
  readonly notes: readonly Finding[];
}

function placeOf(at: Buffer, root: Buffer): string {
  if (at.equals(root)) return '';
  return at.subarray(root.length === 1 ? 1 : root.length + 1).toString('latin1');
}

function note(at: Buffer, error: OverlayError): Finding {
  const path = shown(at);
  return {
    code: 'ERR_OVERLAY_RUN_READ_ONLY',
    sentence: `${JSON.stringify(path)} cannot be covered, and is read-only for the command: ${error.message}`,
    hint: error.hint,
    path,
  };
}

class Making {
  readonly views: View[] = [];
  readonly carried: Mounted[];
  readonly readOnly: Buffer[] = [];
  readonly notes: Finding[] = [];
  readonly #places: Places;
  readonly #request: RunRequest;

  constructor(places: Places, request: RunRequest) {
    this.#places = places;
    this.#request = request;
    this.carried = [...places.carried];
  }

  *all(): Routine<void> {
    const { covered } = this.#places;
    for (const at of covered) {
      // What it is mounted in could not be covered, and is as it is.
      if (!this.#isLeft(at)) yield* this.#cover(at);
    }
  }

  *#cover(at: Buffer): Routine<void> {
    const { root, mounts, table } = this.#places;
    const { given, scratch } = this.#request;
    const lower = at.equals(root) && given.lower !== undefined ? given.lower : bytesToPath(at);
    try {
      const overlay = yield* scratchRoutine(lower, scratch, table);
      this.views.push({ at, place: placeOf(at, root), overlay, pristine: overlay.rootState() });
    } catch (error) {
      if (at.equals(root) || !(error instanceof OverlayError)) throw error;
      this.notes.push(note(at, error));
      // In what is covered it is put back; elsewhere it has to stay, and is changed where it is. What is no mount is a part
      // of the root, which is read-only.
      if (this.views.some((view) => isWithin(at, view.at))) this.carried.push({ path: at, readOnly: true });
      else if (mounts.some((mount) => mount.equals(at))) this.readOnly.push(at);
    }
  }

  /** Where nothing is covered around it, a mount is where it was, and is changed there. */
  settle(): void {
    const carried = this.carried.splice(0);
    for (const mount of carried) {
      if (this.views.some((view) => isWithin(mount.path, view.at))) this.carried.push(mount);
      else if (mount.readOnly) this.readOnly.push(mount.path);
    }
  }

  #isLeft(at: Buffer): boolean {
    return this.carried.some(({ path }) => isWithin(at, path));
  }
}

/** @throws {OverlayError} when the directory that was named cannot be covered */
export function* makeViews(request: RunRequest): Routine<Views> {
  const whole = request.given.whole === true;
  const making = new Making(whole ? yield* placesOfAll() : yield* placesAt(request.at), request);
  try {
    yield* making.all();
  } catch (error) {
    yield* endViews(making);
    throw error;
  }
  making.settle();
  // What is not in any of them.
  if (whole) making.readOnly.push(Buffer.from('/'));
  return making;
}

export function* endViews({ views }: Pick<Views, 'views'>): Routine<void> {
  for (const { overlay } of views) yield* overlay.end();
}
