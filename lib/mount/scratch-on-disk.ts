// Throw-away overlays whose changes are on disk: each in a directory of its own that is removed after it.
import { explaining } from '../diagnosis/mount-failure.ts';
import type { AnyOverlayOptions } from '../format/mount-spec.ts';
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH, procPath } from '../kernel/constants.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Made } from './made.ts';
import { sweepHandles } from './overlay.ts';
import { perform } from './perform.ts';
import { performRootless } from './perform-rootless.ts';
import { Plan } from './plan.ts';
import { addAppearance, type ScratchPlace } from './plan-scratch.ts';
import { type Scratch, ScratchOverlay, type ScratchSource } from './scratch-overlay.ts';
import type { MountRequest } from './spec.ts';
import type { Layer, Target } from './spec-paths.ts';
import type { OwnWork } from './work-directory.ts';

const PREFIX = '.overlayfs-scratch-';

/** The directory of one scratch, and what is in it: a numbered directory for each time that it was made anew. */
class Place {
  readonly own: OwnWork;
  readonly #path: Buffer;
  #count = 0;

  constructor(parent: number, name: string, path: Buffer) {
    this.own = { parent, name, layer: { option: 'work', path }, throwAway: true };
    this.#path = path;
  }

  /** Makes upper and work, and gives the request with them. */
  *fresh(request: MountRequest, root: ScratchPlace['root']): Routine<MountRequest> {
    this.#count += 1;
    const base = `${this.own.name}/${this.#count}`;
    const plan = new Plan();
    const { parent } = this.own;
    for (const name of [base, `${base}/u`, `${base}/w`]) plan.program.add('mkdirat', 0, parent, name, 0o700);
    addAppearance(plan, parent, `${base}/u`, root, request.rootless === true);
    yield* plan.program.run();
    const layer = (option: 'upper' | 'work', name: string): Layer => {
      const absolute = Buffer.concat([this.#path, Buffer.from(`/${this.#count}/${name}`)]);
      return { option, path: absolute, absolute };
    };
    return { ...request, upper: layer('upper', 'u'), work: layer('work', 'w') };
  }

  /** Removes all that was before the latest. */
  *tidy(): Routine<void> {
    const { parent, name } = this.own;
    const dir = yield* call('openat', parent, name, O_PATH | O_DIRECTORY, 0);
    try {
      yield* removeTree(dir, String(this.#count - 1));
    } finally {
      close(dir);
    }
  }

  /** Removes the latest, which could not be mounted. */
  *takeBack(): Routine<void> {
    this.#count -= 1;
    const { parent, name } = this.own;
    const dir = yield* call('openat', parent, name, O_PATH | O_DIRECTORY, 0);
    try {
      yield* removeTree(dir, String(this.#count + 1));
    } finally {
      close(dir);
    }
  }
}

function* makePlace(upperOn: Target): Routine<Place> {
  const parent = yield* call('openat', AT_FDCWD, upperOn.absolute, O_PATH | O_DIRECTORY, 0);
  try {
    const name = PREFIX + Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex');
    yield* call('mkdirat', parent, name, 0o700);
    const above = yield* call('readlinkat', AT_FDCWD, procPath(parent));
    return new Place(
      parent,
      name,
      Buffer.concat([above, Buffer.from(`${above.length === 1 ? '' : '/'}${name}`)]),
    );
  } catch (error) {
    close(parent);
    throw error;
  }
}

// What is thrown away needs no syncing; who asks for another kind of it gets that.
function withoutSync(request: MountRequest): MountRequest {
  const { volatile, fsync }: AnyOverlayOptions = request.given.options ?? {};
  if (volatile !== undefined || fsync !== undefined) return request;
  return { ...request, parameters: [...request.parameters, { key: 'volatile' }] };
}

function* mountOn(place: Place, request: MountRequest, root: ScratchPlace['root']): Routine<Made> {
  const whole = yield* place.fresh(request, root);
  try {
    return whole.rootless ? yield* performRootless(whole) : yield* perform(whole, sweepHandles);
  } catch (error) {
    yield* place.takeBack();
    throw error;
  }
}

/** A throw-away overlay that keeps changes below a directory. @throws {OverlayError} */
export function* scratchOnDisk(
  asked: MountRequest,
  upperOn: Target,
  root: ScratchPlace['root'],
): Routine<Scratch> {
  // Nobody else knows the directories; so nobody has to be looked for.
  const request = { ...withoutSync(asked), shareUpper: true };
  const place = yield* explaining(upperOn, makePlace(upperOn));
  const source: ScratchSource = {
    make: () => mountOn(place, request, root),
    tidy: () => place.tidy(),
    own: place.own,
  };
  try {
    return new ScratchOverlay(request, yield* source.make(), source);
  } catch (error) {
    yield* removeTree(place.own.parent, place.own.name);
    close(place.own.parent);
    throw error;
  }
}
