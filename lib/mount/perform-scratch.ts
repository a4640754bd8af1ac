// Makes a throw-away overlay in memory: mounted nowhere, or on older kernels in a mount namespace that ends at once.
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { EBADF, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { explainedNamespace } from './explained-namespace.ts';
import { guarded, isReadyToPlan, readyToFork } from './guarded.ts';
import { collectFsopen, FailedStep, type Made } from './made.ts';
import { sweepHandles } from './overlay.ts';
import { explainRootless } from './perform-rootless.ts';
import type { SeenUppers } from './plan-guards.ts';
import { ATTRIBUTES, type ScratchPlace } from './plan-scratch.ts';
import { keepPlan, type Planned, planOf } from './repeated-plan.ts';
import { lacksRootXattrs } from './root-attributes.ts';
import { copyRootXattrs } from './root-xattrs.ts';
import { makeInNamespace } from './scratch-in-namespace.ts';
import type { MemoryLimits } from './scratch-spec.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

// Why this thread's kernel takes no layer that is mounted nowhere, once that is known.
let refusedDetached: string | undefined;

// What a kernel says to a call, a key or a form of layer that it does not know.
const UNKNOWN: readonly number[] = [ENOSYS, EINVAL, EBADF, EOPNOTSUPP, EPERM];

function noAttributes(error: KernelError): OverlayError {
  return new OverlayError(
    [
      {
        code: 'ERR_OVERLAY_UPPER_UNFIT',
        sentence: `a tmpfs keeps no user.* attributes here, which an overlay without root needs: ${error.message}`,
        hint: 'give upperOn, a directory on a disk; or use Linux 6.6 or later',
        option: 'rootless',
      },
    ],
    error,
  );
}

function* explained(failed: FailedStep, request: MountRequest): Routine<OverlayError> {
  const { error, subject } = failed;
  if ((subject as object | undefined) === ATTRIBUTES) return noAttributes(error);
  // Upper and work are ours, and gone with the failure.
  const asked = { ...request, upper: undefined, work: undefined };
  if (request.rootless) return yield* explainRootless(failed, asked);
  const directories = [...request.lower, ...request.data];
  return yield* explainMountFailure(error, { directories, subject, asked });
}

// A plan that runs again is about layers that are like those of now.
function aboutNow(error: unknown, { plan, request: before }: Planned, now: MountRequest): unknown {
  if (!(error instanceof KernelError)) return error;
  const subject = plan.subjectOf(error.step) as Layer | undefined;
  const index = before.lower.indexOf(subject!);
  return new FailedStep(error, index < 0 ? subject : now.lower[index]);
}

function* makeDetached(request: MountRequest, place: ScratchPlace): Routine<Made> {
  const planned = planOf(request, place);
  const { plan } = planned;
  try {
    yield plan.program;
  } catch (error) {
    throw aboutNow(error, planned, request);
  }
  const made = collectFsopen(plan, request);
  if (lacksRootXattrs(plan)) yield* copyRootXattrs(request.lower[0]!, made.claims[0]!);
  keepPlan(planned);
  return made;
}

function* makeSomehow(request: MountRequest, place: ScratchPlace): Routine<Made> {
  let first: FailedStep | undefined;
  if (refusedDetached === undefined) {
    try {
      return yield* makeDetached(request, place);
    } catch (error) {
      if (!(error instanceof FailedStep) || !UNKNOWN.includes(-error.error.errno)) throw error;
      first = error;
    }
  }
  const why = refusedDetached ?? first!.error.message;
  try {
    const made = yield* makeInNamespace(request, place);
    refusedDetached = why;
    return { ...made, fallbacks: [`layers that are mounted nowhere: ${why}`] };
  } catch (error) {
    // When no way is open, the better one says why.
    throw error instanceof FailedStep ? (first ?? error) : error;
  }
}

// Upper and work are ours alone.
const lowersOf = (request: MountRequest) => ({ ...request, upper: undefined, work: undefined });

/**
 * One throw-away overlay in memory. Its one claim is the upper directory.
 *
 * @param table mountinfo, where it has been read for something else just now
 * @throws {OverlayError}
 */
export function* performScratch(request: MountRequest, limits: MemoryLimits, table?: Buffer): Routine<Made> {
  const namespace = request.rootless ? yield* explainedNamespace(request) : undefined;
  try {
    if (!isReadyToPlan()) yield* readyToFork(request, lowersOf, table);
    const attempt = (asked: MountRequest, seen: SeenUppers) =>
      makeSomehow(asked, { limits, namespace, seen });
    return yield* guarded(request, sweepHandles, attempt, lowersOf);
  } catch (error) {
    throw error instanceof FailedStep ? yield* explained(error, request) : error;
  }
}
