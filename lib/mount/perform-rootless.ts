// Makes a mount without root by the first way of the ladder that works in the user namespace of this thread.
import { explainNamespaceFailure, namespaceCause } from '../diagnosis/namespace-failure.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { EACCES, EINVAL, EPERM } from '../kernel/errno.ts';
import { probeMountApiIn } from '../kernel/mount-api.ts';
import type { Routine } from '../kernel/routine.ts';
import { ENTRY_STEPS, userNamespace } from '../kernel/user-namespace.ts';
import { giveBack, takeDirectories } from './claim-rootless.ts';
import { climbDown, type Learnt } from './climb.ts';
import { detachedResult } from './compat.ts';
import { findTooDeep } from './depth-rootless.ts';
import { needsEmptyLower, removeEmptyDirectory } from './empty-lower.ts';
import { explainStep } from './explain-step.ts';
import { explainedNamespace } from './explained-namespace.ts';
import { makeFoothold } from './foothold.ts';
import type { Sweep } from './guarded.ts';
import { RUNGS, type Rung } from './ladder.ts';
import { collectFsopen, FailedStep, type Made, runGuarded } from './made.ts';
import { needsGround, planRootless } from './plan-rootless.ts';
import type { MountRequest } from './spec.ts';

const learnt: Learnt = { api: undefined };

/** Descriptors of layers can be named in option texts as numbers only by the process that mounts. */
const WAYS: readonly Rung[] = RUNGS.filter(({ form }) => form !== 'numbers');

function* tryOnce(rung: Rung, request: MountRequest, namespace: number): Routine<Made> {
  const ground = needsGround(request, rung) ? yield* makeFoothold() : undefined;
  try {
    const plan = planRootless(request, rung, namespace, ground?.path);
    yield* runGuarded(plan, request);
    return rung.via === 'fsopen' ? collectFsopen(plan, request) : detachedResult(plan, request);
  } finally {
    if (ground !== undefined) yield* removeEmptyDirectory(ground.path);
  }
}

/** The error for a step of a mount without root that failed. */
export function* explainRootless(
  failed: FailedStep,
  request: MountRequest,
  again?: () => Routine<Made>,
): Routine<OverlayError> {
  const { error } = failed;
  if (error.syscall === 'clone' || error.step < ENTRY_STEPS) return yield* explainNamespaceFailure(error);
  const found = yield* explainStep(failed, request, again);
  if (found.code !== 'ERR_OVERLAY_UNEXPLAINED') return found;
  if (error.errno === -EINVAL) {
    const deep = yield* findTooDeep(yield* userNamespace(), [...request.lower, ...request.data]);
    if (deep !== undefined) return new OverlayError([deep], error);
  }
  const refused = error.errno === -EPERM || error.errno === -EACCES;
  return (refused ? yield* namespaceCause(error) : undefined) ?? found;
}

// What kept the child from where it was to mount keeps it from there by any way.
function* tryThere(rung: Rung, request: MountRequest, namespace: number): Routine<Made> {
  try {
    return yield* tryOnce(rung, request, namespace);
  } catch (error) {
    const entered = !(error instanceof FailedStep) || error.error.step >= ENTRY_STEPS;
    throw entered ? error : yield* explainNamespaceFailure(error.error);
  }
}

function* performThere(request: MountRequest): Routine<Made> {
  const namespace = yield* explainedNamespace(request);
  return yield* climbDown(request, {
    rungs: WAYS,
    learnt,
    probe: () => probeMountApiIn(namespace),
    attempt: (rung) => tryThere(rung, request, namespace),
    // As in perform.ts; and old kernels take no layer that is mounted nowhere.
    worthAnother: ({ form }) => form === 'string' || (form === 'descriptors' && needsEmptyLower(request)),
    explained: (failed, rung) => explainRootless(failed, request, () => tryOnce(rung, request, namespace)),
  });
}

/** Takes upper and work, and mounts. @throws {OverlayError} */
export function* performRootless(request: MountRequest, sweep: Sweep): Routine<Made> {
  const taken = yield* takeDirectories(request, sweep);
  try {
    const { claims, freshWork, usedElsewhere } = taken;
    return { ...(yield* performThere(request)), claims, freshWork, usedElsewhere };
  } catch (error) {
    yield* giveBack(taken);
    throw error;
  }
}
