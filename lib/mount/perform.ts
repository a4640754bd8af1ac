// Makes a mount where this process is: at once when nothing has to be found out first, or down the ladder.
import { KernelError } from '../kernel/kernel-error.ts';
import { probeMountApi } from '../kernel/mount-api.ts';
import type { Routine } from '../kernel/routine.ts';
import { addClaims } from './claim.ts';
import { climbDown, type Learnt } from './climb.ts';
import { compatMount } from './compat.ts';
import {
  emptyLowerDescriptor,
  emptyLowerDirectory,
  emptyLowerIfMade,
  needsEmptyLower,
  removeEmptyLower,
} from './empty-lower.ts';
import { explainStep } from './explain-step.ts';
import { guarded, type Sweep, seenUppers } from './guarded.ts';
import { hearing } from './hearing.ts';
import { RUNGS, type Rung } from './ladder.ts';
import { collectFsopen, FailedStep, type Made, runGuarded } from './made.ts';
import { Plan } from './plan.ts';
import { type LayerForm, planFsopen } from './plan-fsopen.ts';
import { addGuards, type SeenUppers } from './plan-guards.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

const learnt: Learnt = { api: undefined };
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

/**
 * The best way as one program, when nothing has to be found out first; undefined otherwise. It is the hot path: whatever
 * it meets, `perform` meets again and explains.
 */
export function planAtOnce(request: MountRequest): Plan | undefined {
  const { upper, work, via, trustVolatile, changeLower } = request;
  if (via === 'mount' || request.mkdir || request.guard === 'kernel') return undefined;
  if (learnt.api !== undefined && RUNGS[0]!.obstacle(request, learnt.api) !== undefined) return undefined;
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

/** Makes a mount by the first way of the ladder that works. @param listen an attempt has failed already @throws {OverlayError} */
export function* perform(request: MountRequest, sweep: Sweep, listen: boolean): Routine<Made> {
  return yield* climbDown(request, {
    rungs: RUNGS,
    learnt,
    probe: probeMountApi,
    *attempt(rung) {
      const attempt = guarded(request, sweep, (asked, seen) => tryOnce(rung, asked, seen));
      return yield* listen ? hearing(attempt) : attempt;
    },
    // Old drivers take one lowerdir string through the new API, but not every character in it.
    worthAnother: ({ form }) => form === 'string',
    explained: (failed, rung) =>
      explainStep(failed, request, () => tryOnce(rung, { ...request, target: undefined }, seenUppers())),
  });
}
