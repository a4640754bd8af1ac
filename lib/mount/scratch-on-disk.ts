// Throw-away overlays whose changes are on disk: each in a directory of its own that is removed after it.
import { explaining } from '../diagnosis/explaining.ts';
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import { placeOf, subjectText } from '../diagnosis/subject.ts';
import type { AnyOverlayOptions } from '../format/mount-spec.ts';
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { pathOf } from '../kernel/path-of.ts';
import { KEEP } from '../kernel/program.ts';
import { removeTree, type TakeOver } from '../kernel/remove-tree.ts';
import type { Routine } from '../kernel/routine.ts';
import { explainedNamespace } from './explained-namespace.ts';
import { readyToPlan } from './guarded.ts';
import { takeOverIn } from './id-ranges.ts';
import { FailedStep, type Made, runGuarded } from './made.ts';
import { madeIn } from './made-in.ts';
import { sweepHandles } from './overlay.ts';
import { makeOwnDirectory, type OwnDirectory } from './own-directory.ts';
import { perform } from './perform.ts';
import { performRootless } from './perform-rootless.ts';
import { Plan } from './plan.ts';
import { addUpperAndWork, lacksRootXattrs } from './root-attributes.ts';
import { copyRootXattrs } from './root-xattrs.ts';
import { ScratchOverlay, type ScratchSource } from './scratch-overlay.ts';
import type { MountRequest } from './spec.ts';
import type { Layer, Target } from './spec-paths.ts';
import { sweepAgain, sweepOnce } from './sweep.ts';
import { type OwnWork, removeOwnWork } from './work-directory.ts';

const PREFIX = '.overlayfs-scratch-';

/** The directory of one scratch, and what is in it: a numbered directory for each time that it was made anew. */
class Place {
  readonly own: OwnWork;
  readonly #path: Buffer;
  #count = 0;

  constructor(parent: number, { name, fd }: OwnDirectory, path: Buffer, takeOver: TakeOver | undefined) {
    this.own = { parent, name, layer: { option: 'work', path }, throwAway: true, takeOver, lock: fd };
    this.#path = path;
  }

  /** Makes upper and work, and gives the request with them. */
  *fresh(request: MountRequest): Routine<MountRequest> {
    this.#count += 1;
    const base = `${this.own.name}/${this.#count}`;
    const plan = new Plan();
    plan.program.add('mkdirat', 0, this.own.parent, base, 0o700);
    // Whatever the umask has left.
    plan.program.add('fchmodat', 0, this.own.parent, base, 0o700);
    addUpperAndWork(plan, request, this.own.parent, { upper: `${base}/u`, work: `${base}/w` });
    plan.program.add('fchmodat', 0, this.own.parent, `${base}/w`, 0o700);
    const upper = plan.program.add('openat', KEEP, this.own.parent, `${base}/u`, O_PATH | O_DIRECTORY, 0);
    yield* runGuarded(plan, request);
    const fd = plan.program.value(upper);
    try {
      if (lacksRootXattrs(plan)) yield* copyRootXattrs(request.lower[0]!, fd);
    } finally {
      close(fd);
    }
    const layer = (option: 'upper' | 'work', name: string): Layer => {
      const absolute = Buffer.concat([this.#path, Buffer.from(`/${this.#count}/${name}`)]);
      return { option, path: absolute, absolute };
    };
    return { ...request, upper: layer('upper', 'u'), work: layer('work', 'w') };
  }

  /** Removes all that was before the latest. */
  *tidy(): Routine<void> {
    const { parent, name, takeOver } = this.own;
    const dir = yield* call('openat', parent, name, O_PATH | O_DIRECTORY, 0);
    try {
      yield* removeTree(dir, String(this.#count - 1), takeOver);
    } finally {
      close(dir);
    }
  }

  /** Removes the latest, which could not be mounted; what cannot be removed now goes with all of it. */
  *takeBack(): Routine<void> {
    this.#count -= 1;
    const { parent, name, takeOver } = this.own;
    yield* unlessRefused(removeTree(parent, `${name}/${this.#count + 1}`, takeOver));
  }
}

// The failure of what is done after a failure is not to hide that.
function* unlessRefused(body: Routine<void>): Routine<boolean> {
  try {
    yield* body;
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

function notWritable(upperOn: Target): Finding {
  return {
    code: 'ERR_OVERLAY_NOT_WRITABLE',
    sentence: `${subjectText(upperOn)}: this user may not write to it`,
    hint: 'give a directory of your own, or leave upperOn out for memory',
    ...placeOf(upperOn),
  };
}

function* makePlace(upperOn: Target, takeOver: TakeOver | undefined): Routine<Place> {
  const parent = yield* call('openat', AT_FDCWD, upperOn.absolute, O_PATH | O_DIRECTORY, 0);
  try {
    yield* sweepOnce(parent, upperOn.absolute, PREFIX, takeOver);
    const above = yield* pathOf(parent, upperOn.absolute);
    const own = yield* madeIn(
      upperOn,
      makeOwnDirectory(parent, PREFIX, () => notWritable(upperOn)),
    );
    const path = Buffer.concat([above, Buffer.from(`${above.length === 1 ? '' : '/'}${own.name}`)]);
    return new Place(parent, own, path, takeOver);
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

function* explained({ error, subject }: FailedStep, { lower }: MountRequest): Routine<OverlayError> {
  return yield* explainMountFailure(error, { directories: lower, subject });
}

// Upper and work are nothing that the caller has named, or can put elsewhere but with the place.
function aboutPlace(error: OverlayError, upperOn: Target): OverlayError {
  const [inLower] = error.findings;
  if (inLower?.code !== 'ERR_OVERLAY_UPPER_IN_LOWER') return error;
  const { code, sentence } = inLower;
  const made = subjectText({ ...inLower, option: inLower.option! });
  return new OverlayError([
    {
      code,
      // By a function: a `$` in the path is a `$`.
      sentence: sentence.replace(made, () => subjectText(upperOn)),
      hint: 'give a directory outside of the lower directories, or leave upperOn out for memory',
      ...placeOf(upperOn),
    },
  ]);
}

function* mountOn(place: Place, request: MountRequest, upperOn: Target): Routine<Made> {
  try {
    const whole = yield* place.fresh(request);
    yield* readyToPlan(whole);
    if (whole.rootless) return yield* performRootless(whole, sweepHandles);
    return yield* perform(whole, sweepHandles, false);
  } catch (error) {
    yield* place.takeBack();
    if (error instanceof FailedStep) throw yield* explained(error, request);
    throw error instanceof OverlayError ? aboutPlace(error, upperOn) : error;
  }
}

/** A throw-away overlay that keeps changes below a directory. @throws {OverlayError} */
export function* scratchOnDisk(asked: MountRequest, upperOn: Target): Routine<ScratchOverlay> {
  // Nobody else knows the directories; so nobody has to be looked for.
  const request = { ...withoutSync(asked), shareUpper: true };
  const takeOver = request.idRanges ? takeOverIn(yield* explainedNamespace(request)) : undefined;
  const place = yield* explaining(upperOn, makePlace(upperOn, takeOver));
  const source: ScratchSource = {
    make: () => mountOn(place, request, upperOn),
    tidy: () => place.tidy(),
    own: place.own,
  };
  try {
    return new ScratchOverlay(request, yield* source.make(), source);
  } catch (error) {
    // What stays is known by its lock, which goes: the next one here removes it.
    if (!(yield* unlessRefused(removeOwnWork(place.own)))) sweepAgain();
    throw error;
  }
}
