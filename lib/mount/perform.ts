// Makes a mount by the first way of the ladder that works, and says why the better ones did not.
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { lockedClaim, tableClaim, upperIsWork } from '../diagnosis/refused-claim.ts';
import { call } from '../kernel/call.ts';
import { AT_FDCWD, STATX_INO } from '../kernel/constants.ts';
import { EAGAIN, ECANCELED } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { probeMountApi } from '../kernel/mount-api.ts';
import type { Routine } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { addClaims } from './claim.ts';
import { compatMount } from './compat.ts';
import {
  emptyLowerDescriptor,
  emptyLowerDirectory,
  needsEmptyLower,
  removeEmptyDirectory,
} from './empty-lower.ts';
import { type Known, RUNGS, type Rung } from './ladder.ts';
import { LiveUppers } from './live-uppers.ts';
import { collect, FailedStep, type Made, pathed, runGuarded } from './made.ts';
import { Plan } from './plan.ts';
import { type LayerForm, planFsopen } from './plan-fsopen.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

// What this thread has learnt; every mount after the first failed one starts from the right rung.
let known: Known;
// Layers on a mount that is attached nowhere came with Linux 6.15; found out by a view of one lower that failed.
let emptyLowerByName = false;
const live = new LiveUppers();
const CHANGED_TABLE_TRIES = 8;

function* fsopenMount(request: MountRequest, form: LayerForm): Routine<Made> {
  if (!needsEmptyLower(request)) return yield* fsopenWith(request, request.lower, form);
  const [only] = request.lower;
  if (!emptyLowerByName) {
    try {
      const fd = yield* emptyLowerDescriptor();
      return yield* fsopenWith(request, [only!, { option: 'lower', fd }], form);
    } catch (error) {
      // What is about a layer of the caller's is no matter of the second lower.
      if (!(error instanceof FailedStep || error instanceof KernelError)) throw error;
      if (error instanceof FailedStep && error.subject?.absolute !== undefined) throw error;
    }
  }
  const path = yield* emptyLowerDirectory();
  try {
    const made = yield* fsopenWith(request, [only!, { option: 'lower', path, absolute: path }], form);
    emptyLowerByName = true;
    return made;
  } finally {
    yield* removeEmptyDirectory(path);
  }
}

function* fsopenWith(request: MountRequest, lowers: readonly Layer[], form: LayerForm): Routine<Made> {
  const plan = new Plan();
  const claims = addClaims(plan, request, live);
  planFsopen(plan, request, lowers, claims, form);
  yield* runGuarded(plan, request);
  const detached = request.target === undefined;
  return collect(plan, 'fsopen', true, detached ? plan.program.value(plan.mount!) : undefined);
}

// What the guard remembered may be over by now, and a lock does not say whose it is: the table of now is asked first.
function* refuseClaim({ error, subject }: FailedStep, request: MountRequest): Routine<void> {
  yield* live.refresh();
  const claimed = pathed(subject!);
  const { upper, work } = { upper: pathed(request.upper!), work: pathed(request.work!) };
  const twice = yield* upperIsWork(upper, work);
  if (twice !== undefined) throw twice;
  const statx = yield* call('statx', AT_FDCWD, claimed.absolute, 0, STATX_INO);
  const holder = live.holderOf(identityOf(statx));
  if (holder !== undefined) {
    throw tableClaim(claimed, { option: holder.option, target: holder.overlay.target });
  }
  if (error.syscall === 'flock') throw yield* lockedClaim(claimed, error);
}

function isClaimRefusal({ error }: FailedStep): boolean {
  return error.syscall === 'require_other_file' || (error.syscall === 'flock' && error.errno === -EAGAIN);
}

function* tryRung(rung: Rung, request: MountRequest): Routine<Made> {
  const guarded = request.upper !== undefined && !request.shareUpper;
  // Without listmount(2) the table has to be read anew for every mount.
  if (guarded && (live.ids === undefined || live.ids.length === 0)) yield* live.refresh();
  for (let tries = 0; ; tries++) {
    try {
      if (rung.via === 'fsopen') return yield* fsopenMount(request, rung.form as LayerForm);
      return yield* compatMount(request, rung.form === 'numbers', live);
    } catch (error) {
      const failed = error instanceof KernelError ? new FailedStep(error, undefined) : error;
      if (!(failed instanceof FailedStep)) throw error;
      if (isClaimRefusal(failed)) yield* refuseClaim(failed, request);
      else if (failed.error.errno === -ECANCELED) yield* live.refresh();
      else throw failed;
      // Others mount and unmount faster than the table can be read: say so rather than go on for ever.
      if (tries >= CHANGED_TABLE_TRIES) throw failed;
    }
  }
}

function allowed(rung: Rung, request: MountRequest): boolean {
  return request.via === 'auto' || request.via === rung.via;
}

function* explained(failed: FailedStep, request: MountRequest): Routine<OverlayError> {
  const { lower, data, upper, work, target } = request;
  const directories = [...lower, ...data, upper, work, target].filter((dir) => dir !== undefined);
  return yield* explainMountFailure(failed.error, { directories, subject: failed.subject });
}

/** Climbs down the ladder. @throws {OverlayError} */
export function* perform(request: MountRequest): Routine<Made> {
  const fallbacks: string[] = [];
  let last: FailedStep | undefined;
  for (const rung of RUNGS) {
    if (!allowed(rung, request)) continue;
    const obstacle = known === undefined && rung === RUNGS[0] ? undefined : rung.obstacle(request, known);
    if (obstacle !== undefined) {
      fallbacks.push(`${rung.name}: ${obstacle}`);
      continue;
    }
    try {
      return { ...(yield* tryRung(rung, request)), fallbacks };
    } catch (error) {
      if (!(error instanceof FailedStep)) throw error;
      last = error;
      if (rung.via === 'fsopen') known ??= yield* probeMountApi();
      const reason = rung.obstacle(request, known);
      // The way itself is open, so that another way would meet the same refusal.
      if (reason === undefined && !worthAnother(rung)) throw yield* explained(error, request);
      fallbacks.push(`${rung.name}: ${reason ?? error.error.message}`);
    }
  }
  if (last !== undefined) throw yield* explained(last, request);
  throw noWay(request, fallbacks);
}

// Old drivers take one lowerdir string through the new API, but not every character in it.
function worthAnother(rung: Rung): boolean {
  return rung.form === 'string';
}

function noWay(request: MountRequest, fallbacks: readonly string[]): OverlayError {
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
