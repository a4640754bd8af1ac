// Makes a mount without root by the first way of the ladder that works in the user namespace of this thread.
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { explainNamespaceFailure, namespaceCause } from '../diagnosis/namespace-failure.ts';
import type { OverlayError } from '../diagnosis/overlay-error.ts';
import { becameReadOnly } from '../diagnosis/unfit-work.ts';
import { EACCES, EPERM } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { probeMountApiIn } from '../kernel/mount-api.ts';
import type { Routine } from '../kernel/routine.ts';
import { ENTRY_STEPS, userNamespace } from '../kernel/user-namespace.ts';
import { giveBack, takeDirectories } from './claim-rootless.ts';
import { detachedResult } from './compat.ts';
import { needsEmptyLower, removeEmptyDirectory } from './empty-lower.ts';
import { makeFoothold } from './foothold.ts';
import type { Sweep } from './guarded.ts';
import { type Known, RUNGS, type Rung } from './ladder.ts';
import { FailedStep, type Made, pathed, runGuarded } from './made.ts';
import { collectFsopen, noWay } from './perform.ts';
import { needsGround, planRootless } from './plan-rootless.ts';
import type { MountRequest } from './spec.ts';

// What this thread has learnt of the kernel, as in perform.ts.
let known: Known;

/** Descriptors of layers can be named in option texts as numbers only by the process that mounts. */
const WAYS: readonly Rung[] = RUNGS.filter(({ form }) => form !== 'numbers');

function* tryOnce(rung: Rung, request: MountRequest, namespace: number): Routine<Made> {
  const ground = needsGround(request, rung) ? yield* makeFoothold() : undefined;
  try {
    const plan = planRootless(request, rung, namespace, ground?.path);
    yield* runGuarded(plan, request);
    return rung.via === 'fsopen' ? collectFsopen(plan, request) : yield* detachedResult(plan, request);
  } finally {
    if (ground !== undefined) yield* removeEmptyDirectory(ground.path);
  }
}

/** The error for a step of a mount without root that failed. */
export function* explainRootless(failed: FailedStep, request: MountRequest): Routine<OverlayError> {
  const { error, subject } = failed;
  if (error.syscall === 'clone' || error.step < ENTRY_STEPS) return yield* explainNamespaceFailure(error);
  const { lower, data, upper, work } = request;
  if (error.syscall === 'require_bits_clear') return yield* becameReadOnly(pathed(work!), undefined);
  const directories = [...lower, ...data, upper, work].filter((dir) => dir !== undefined);
  const asked = { ...request, rootless: true };
  const found = yield* explainMountFailure(error, { directories, subject, asked });
  if (found.code !== 'ERR_OVERLAY_UNEXPLAINED') return found;
  const refused = error.errno === -EPERM || error.errno === -EACCES;
  return (refused ? yield* namespaceCause(error) : undefined) ?? found;
}

/** A descriptor of the user namespace. @throws {OverlayError} when there is none to be had */
export function* explainedNamespace(): Routine<number> {
  try {
    return yield* userNamespace();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw yield* explainNamespaceFailure(error);
  }
}

function* learn(namespace: number): Routine<Known> {
  const api = known ?? (yield* probeMountApiIn(namespace));
  if (api?.lasting) known = api;
  return api;
}

// Old drivers take one lowerdir string, but not every character in it, and no layer that is mounted nowhere.
function worthAnother({ form }: Rung, request: MountRequest): boolean {
  return form === 'string' || (form === 'descriptors' && needsEmptyLower(request));
}

// As `perform` does.
function* climbDown(request: MountRequest): Routine<Made> {
  const namespace = yield* explainedNamespace();
  const fallbacks: string[] = [];
  let last: FailedStep | undefined;
  for (const rung of WAYS) {
    if (request.via !== 'auto' && request.via !== rung.via) continue;
    const obstacle = known === undefined && rung === WAYS[0] ? undefined : rung.obstacle(request, known);
    if (obstacle !== undefined) {
      fallbacks.push(`${rung.name}: ${obstacle}`);
      continue;
    }
    try {
      return { ...(yield* tryOnce(rung, request, namespace)), fallbacks };
    } catch (error) {
      if (!(error instanceof FailedStep)) throw error;
      last = error;
      if (error.error.step < ENTRY_STEPS) break;
      const reason = rung.via === 'mount' ? undefined : rung.obstacle(request, yield* learn(namespace));
      if (reason === undefined && !worthAnother(rung, request)) break;
      fallbacks.push(`${rung.name}: ${reason ?? error.error.message}`);
    }
  }
  if (last !== undefined) throw yield* explainRootless(last, request);
  throw noWay(request, fallbacks);
}

/** Takes upper and work, and mounts. @throws {OverlayError} */
export function* performRootless(request: MountRequest, sweep: Sweep): Routine<Made> {
  const taken = yield* takeDirectories(request, sweep);
  try {
    return { ...(yield* climbDown(request)), claims: taken.claims };
  } catch (error) {
    yield* giveBack(taken);
    throw error;
  }
}
