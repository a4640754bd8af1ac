// Makes a mount by the first way of the ladder that works, and says why the better ones did not.

import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { becameReadOnly, workHasData } from '../diagnosis/unfit-work.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { probeMountApi } from '../kernel/mount-api.ts';
import type { Routine } from '../kernel/routine.ts';
import { addClaims } from './claim.ts';
import { compatMount } from './compat.ts';
import {
  emptyLowerDescriptor,
  emptyLowerDirectory,
  emptyLowerIfMade,
  needsEmptyLower,
  removeEmptyLower,
} from './empty-lower.ts';
import { guarded, type Sweep, seenUppers } from './guarded.ts';
import { heardOf, hearing, mayBeHeard } from './hearing.ts';
import { type Known, RUNGS, type Rung } from './ladder.ts';
import { collect, FailedStep, type Made, pathed, runGuarded } from './made.ts';
import { Plan } from './plan.ts';
import { type LayerForm, planFsopen } from './plan-fsopen.ts';
import { addGuards, type SeenUppers } from './plan-guards.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

// What this thread has learnt; every mount after the first failed one starts from the right rung.
let known: Known;
// Layers on a mount that is attached nowhere came with Linux 6.15; found out by a view of one lower that failed.
let emptyLowerByName = false;

function* fsopenMount(request: MountRequest, form: LayerForm, seen: SeenUppers): Routine<Made> {
  if (!needsEmptyLower(request)) return yield* fsopenWith(request, request.lower, form, seen);
  const [only] = request.lower;
  // The other forms would show the number of the descriptor as a layer.
  if (form === 'descriptors' && !emptyLowerByName) {
    try {
      const fd = yield* emptyLowerDescriptor();
      return yield* fsopenWith(request, [only!, { option: 'lower', fd }], form, seen);
    } catch (error) {
      // What is about a layer of the caller's is no matter of the second lower.
      if (!(error instanceof FailedStep || error instanceof KernelError)) throw error;
      if (error instanceof FailedStep && error.subject?.absolute !== undefined) throw error;
    }
  }
  const empty = yield* emptyLowerDirectory();
  try {
    const lowers: Layer[] = [only!, { option: 'lower', path: empty.path, absolute: empty.path }];
    const made = yield* fsopenWith(request, lowers, form, seen);
    if (form === 'descriptors') emptyLowerByName = true;
    return made;
  } finally {
    yield* removeEmptyLower(empty);
  }
}

function planWith(request: MountRequest, lowers: readonly Layer[], form: LayerForm, seen: SeenUppers): Plan {
  const plan = new Plan();
  const claims = addClaims(plan, request);
  addGuards(plan, request, claims, seen);
  planFsopen(plan, request, lowers, claims, form);
  return plan;
}

function* fsopenWith(
  request: MountRequest,
  lowers: readonly Layer[],
  form: LayerForm,
  seen: SeenUppers,
): Routine<Made> {
  const plan = planWith(request, lowers, form, seen);
  yield* runGuarded(plan, request);
  return collectFsopen(plan, request);
}

/** What a plan of the new mount API gave. */
export function collectFsopen(plan: Plan, request: MountRequest): Made {
  const detached = request.target === undefined;
  return collect(plan, 'fsopen', true, detached ? plan.program.value(plan.mount!) : undefined);
}

/**
 * The best way as one program, when nothing has to be found out first; undefined otherwise. It is the hot path: whatever
 * it meets, `perform` meets again and explains.
 */
export function planAtOnce(request: MountRequest): Plan | undefined {
  const { upper, work, via, trustVolatile, changeLower } = request;
  if (via === 'mount' || request.mkdir || request.guard === 'kernel') return undefined;
  if (known !== undefined && RUNGS[0]!.obstacle(request, known) !== undefined) return undefined;
  if (upper !== undefined) {
    if (work === undefined || trustVolatile || changeLower) return undefined;
  } else if (needsEmptyLower(request)) {
    const fd = emptyLowerByName ? undefined : emptyLowerIfMade();
    if (fd === undefined) return undefined;
    return planWith(request, [request.lower[0]!, { option: 'lower', fd }], 'descriptors', seenUppers());
  }
  return planWith(request, request.lower, 'descriptors', seenUppers());
}

function* tryOnce(rung: Rung, request: MountRequest, seen: SeenUppers): Routine<Made> {
  try {
    if (rung.via === 'fsopen') return yield* fsopenMount(request, rung.form as LayerForm, seen);
    return yield* compatMount(request, rung.form === 'numbers', seen);
  } catch (error) {
    throw error instanceof KernelError ? new FailedStep(error, undefined) : error;
  }
}

function allowed(rung: Rung, request: MountRequest): boolean {
  return request.via === 'auto' || request.via === rung.via;
}

function* explained(failed: FailedStep, request: MountRequest, rung: Rung): Routine<OverlayError> {
  const { lower, data, upper, work, target } = request;
  const hear = () => heardOf(failed, tryOnce(rung, { ...request, target: undefined }, seenUppers()));
  if (failed.error.syscall === 'require_bits_clear') {
    return failed.subject?.option === 'work'
      ? workHasData(work!)
      : yield* becameReadOnly(pathed(work!), yield* hear());
  }
  const directories = [...lower, ...data, upper, work, target].filter((dir) => dir !== undefined);
  const { error, subject } = failed;
  const driver = mayBeHeard(error) ? { hear } : {};
  return yield* explainMountFailure(error, { directories, subject, asked: request, ...driver });
}

/** Climbs down the ladder. @param listen an attempt has failed already @throws {OverlayError} */
export function* perform(request: MountRequest, sweep: Sweep, listen: boolean): Routine<Made> {
  const fallbacks: string[] = [];
  let last: { error: FailedStep; rung: Rung } | undefined;
  for (const rung of RUNGS) {
    if (!allowed(rung, request)) continue;
    const obstacle = known === undefined && rung === RUNGS[0] ? undefined : rung.obstacle(request, known);
    if (obstacle !== undefined) {
      fallbacks.push(`${rung.name}: ${obstacle}`);
      continue;
    }
    try {
      const attempt = guarded(request, sweep, (asked, seen) => tryOnce(rung, asked, seen));
      return { ...(yield* listen ? hearing(attempt) : attempt), fallbacks };
    } catch (error) {
      if (!(error instanceof FailedStep)) throw error;
      last = { error, rung };
      const api: Known = rung.via === 'fsopen' ? (known ?? (yield* probeMountApi())) : known;
      if (api?.lasting) known = api;
      const reason = rung.obstacle(request, api);
      // The way itself is open, so that another way would meet the same refusal.
      if (reason === undefined && !worthAnother(rung)) throw yield* explained(error, request, rung);
      fallbacks.push(`${rung.name}: ${reason ?? error.error.message}`);
    }
  }
  if (last !== undefined) throw yield* explained(last.error, request, last.rung);
  throw noWay(request, fallbacks);
}

// Old drivers take one lowerdir string through the new API, but not every character in it.
function worthAnother(rung: Rung): boolean {
  return rung.form === 'string';
}

export function noWay(request: MountRequest, fallbacks: readonly string[]): OverlayError {
  const via = request.via === 'auto' ? '' : ` (via: '${request.via}')`;
  return new OverlayError([
    {
      code: 'ERR_OVERLAY_NO_WAY',
      sentence: `no way to make this mount is open on this kernel${via}: ${fallbacks.join('; ')}`,
      hint: request.via === 'auto' ? 'use shorter paths or fewer layers' : "leave via out, for 'auto'",
      ...(request.via === 'auto' ? {} : { option: 'via' }),
    },
  ]);
}
