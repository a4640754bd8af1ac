// mount(): from a spec to a live overlay, or to an error and nothing changed.
import { UPPER_CLONE_RULES } from '../diagnosis/clone-rules.ts';
import { explaining } from '../diagnosis/explaining.ts';
import { lookAtMount } from '../diagnosis/mount-facts.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { kernelClaim } from '../diagnosis/refused-claim.ts';
import { applyRules } from '../diagnosis/rule.ts';
import type { MountSpec } from '../format/mount-spec.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { isReadyToPlan, readyToPlan, refuseKnownHolder } from './guarded.ts';
import { mayBeHeard } from './hearing.ts';
import { insist, takeBackInsisted } from './insist.ts';
import { collectFsopen, type Made, takeBack } from './made.ts';
import { makeDirectory, removeMade } from './make-directories.ts';
import { MountedOverlay, type Overlay, sweepHandles } from './overlay.ts';
import { perform, planAtOnce } from './perform.ts';
import { performRootless } from './perform-rootless.ts';
import { droppedOption } from './read-back.ts';
import { decideRootless } from './rootless.ts';
import { type MountRequest, readSpec } from './spec.ts';
import { markedBeside, noteVolatile } from './volatile.ts';
import {
  type DriverPart,
  makeOwnWork,
  type OwnWork,
  removableParts,
  removeLeftovers,
  removeOwnWork,
  removeParts,
} from './work-directory.ts';

function* makeMissing(request: MountRequest, made: Buffer[]): Routine<void> {
  for (const directory of [request.upper, request.work, request.target]) {
    if (directory?.absolute === undefined) continue;
    const path = Buffer.from(directory.absolute as Uint8Array);
    yield* explaining(directory, makeDirectory(path, made));
  }
}

// The kernel knows directories in use that the mount table does not show.
function* askKernel(request: MountRequest): Routine<void> {
  const { upper, work, lower, data, shareUpper, shareLower } = request;
  const written = shareUpper ? [] : [upper, work].filter((layer) => layer !== undefined);
  const read = shareLower ? [] : [...lower, ...data];
  const error = yield* kernelClaim([...written, ...read], () => refuseKnownHolder(request));
  if (error !== undefined) throw error;
}

function* performSomehow(request: MountRequest, listen: boolean): Routine<Made> {
  return request.rootless
    ? yield* performRootless(request, sweepHandles)
    : yield* perform(request, sweepHandles, listen);
}

function* prepared(request: MountRequest, made: Buffer[], listen: boolean): Routine<MountedOverlay> {
  if (request.mkdir) yield* makeMissing(request, made);
  if (request.guard === 'kernel') yield* askKernel(request);
  if (request.upper === undefined || request.work !== undefined) {
    return new MountedOverlay(request, yield* performSomehow(request, listen), undefined);
  }
  const work: OwnWork = yield* explaining(request.upper, makeOwnWork(request.upper));
  try {
    const withWork = { ...request, work: work.layer };
    return new MountedOverlay(request, yield* performSomehow(withWork, listen), work);
  } catch (error) {
    yield* removeOwnWork(work);
    throw (yield* placeGone(error, request)) ?? error;
  }
}

// On a mount that was undone, or is another namespace's, our own work directory has no path: that is told of upper.
function* placeGone(error: unknown, request: MountRequest): Routine<OverlayError | undefined> {
  if (!(error instanceof OverlayError) || error.option !== 'work') return undefined;
  if (error.code !== 'ERR_OVERLAY_NOT_FOUND') return undefined;
  const [first, ...rest] = applyRules(UPPER_CLONE_RULES, yield* lookAtMount(request)).map(
    ({ finding }) => finding,
  );
  return first && new OverlayError([first, ...rest], error.cause as KernelError);
}

/** The body of {@link mount}. */
export function* mountRoutine(spec: unknown): Routine<MountedOverlay> {
  const request = yield* decideRootless(readSpec(spec));
  if (!isReadyToPlan()) yield* readyToPlan(request);
  const removable = yield* removableBy(request);
  const overlay = yield* mountAnyhow(request, removable);
  yield* takeBackUnlessWhole(overlay, request, removable);
  return overlay;
}

// What is not what was asked for, or would do harm, is undone.
function* takeBackUnlessWhole(
  overlay: MountedOverlay,
  request: MountRequest,
  removable: readonly DriverPart[],
): Routine<void> {
  let error = yield* markedBeside(request, overlay.made);
  if (error === undefined && request.parameters.length > 0) error = yield* droppedOption(request, overlay);
  if (error === undefined) return yield* noteVolatile(request, overlay.made);
  const { freshWork } = overlay.made;
  yield* overlay.end();
  const parts = removable.filter((part) => part === 'index' || freshWork);
  if (request.work !== undefined) yield* removeParts(request.work, parts);
  throw error;
}

const INDEX_KEYS: readonly string[] = ['index', 'nfs_export'];

function* removableBy({ work, parameters }: MountRequest): Routine<readonly DriverPart[]> {
  const indexed = parameters.some(({ key }) => INDEX_KEYS.includes(key));
  return indexed && work !== undefined ? yield* removableParts(work) : ['work'];
}

function* mountAnyhow(request: MountRequest, removable: readonly DriverPart[]): Routine<MountedOverlay> {
  const plan = request.rootless ? undefined : planAtOnce(request);
  let listen = false;
  if (plan !== undefined) {
    try {
      yield plan.program;
      return new MountedOverlay(request, collectFsopen(plan, request), undefined);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      listen = mayBeHeard(error);
      yield* takeBack(plan, error, request.target?.absolute);
    }
  }
  return yield* mountCarefully(request, removable, listen);
}

function* mountCarefully(
  request: MountRequest,
  removable: readonly DriverPart[],
  listen: boolean,
): Routine<MountedOverlay> {
  const made: Buffer[] = [];
  const insisted = yield* insist(request);
  try {
    return yield* prepared(request, made, listen);
  } catch (error) {
    if (request.work !== undefined) yield* removeLeftovers(request.work, error, removable);
    yield* removeMade(made);
    yield* takeBackInsisted(insisted);
    throw error;
  }
}

/**
 * Mounts an overlay. Source: Documentation/filesystems/overlayfs.rst, mount(2), fsopen(2), move_mount(2).
 *
 * On failure nothing is mounted, and nothing is there that was not there before.
 *
 * @throws {OverlayError} see docs/errors.md
 */
export async function mount(spec: MountSpec): Promise<Overlay> {
  return await runAsync(mountRoutine(spec));
}

/** {@link mount} without a promise: blocks this thread for as long as the kernel needs. */
export function mountSync(spec: MountSpec): Overlay {
  return runSync(mountRoutine(spec));
}
