// Makes a mount by the first way of the ladder that works, and says why the better ones did not.

import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { type Claimed, lockedClaim, lockHeld, tableClaim, upperIsWork } from '../diagnosis/refused-claim.ts';
import { becameReadOnly, workHasData } from '../diagnosis/unfit-work.ts';
import { call } from '../kernel/call.ts';
import { AT_FDCWD, STATX_INO } from '../kernel/constants.ts';
import { EAGAIN } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { probeMountApi } from '../kernel/mount-api.ts';
import type { Routine } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import { addClaims, type SeenTable } from './claim.ts';
import { compatMount } from './compat.ts';
import {
  emptyLowerDescriptor,
  emptyLowerDirectory,
  emptyLowerIfMade,
  needsEmptyLower,
  removeEmptyLower,
} from './empty-lower.ts';
import { type Known, RUNGS, type Rung } from './ladder.ts';
import { LiveUppers } from './live-uppers.ts';
import { collect, FailedStep, type Made, pathed, runGuarded } from './made.ts';
import { Plan } from './plan.ts';
import { type LayerForm, planFsopen } from './plan-fsopen.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';
import { inTurn, isTaken } from './turn.ts';

// What this thread has learnt; every mount after the first failed one starts from the right rung.
let known: Known;
// Layers on a mount that is attached nowhere came with Linux 6.15; found out by a view of one lower that failed.
let emptyLowerByName = false;
const live = new LiveUppers();
const CHANGED_TABLE_TRIES = 8;

/** Lets go of locks whose mounts are gone. */
type Sweep = () => Routine<void>;

function* fsopenMount(request: MountRequest, form: LayerForm, seen: SeenTable): Routine<Made> {
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

function planWith(request: MountRequest, lowers: readonly Layer[], form: LayerForm, seen: SeenTable): Plan {
  const plan = new Plan();
  const claims = addClaims(plan, request, seen);
  planFsopen(plan, request, lowers, claims, form);
  return plan;
}

function* fsopenWith(
  request: MountRequest,
  lowers: readonly Layer[],
  form: LayerForm,
  seen: SeenTable,
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
  const { upper, work, via } = request;
  if (via === 'mount' || request.mkdir || request.guard === 'kernel') return undefined;
  if (known !== undefined && RUNGS[0]!.obstacle(request, known) !== undefined) return undefined;
  if (upper !== undefined) {
    if (work === undefined || live.ids === undefined || live.ids.length === 0 || isTaken()) return undefined;
  } else if (needsEmptyLower(request)) {
    const fd = emptyLowerByName ? undefined : emptyLowerIfMade();
    if (fd === undefined) return undefined;
    return planWith(request, [request.lower[0]!, { option: 'lower', fd }], 'descriptors', live);
  }
  return planWith(request, request.lower, 'descriptors', live);
}

// What the guard remembered may be over by now, and a lock does not say whose it is: the table of now is asked first.
function* refuseClaim({ error, subject }: FailedStep, request: MountRequest): Routine<void> {
  yield* live.refresh();
  const claimed = pathed(subject!);
  const { upper, work } = { upper: pathed(request.upper!), work: pathed(request.work!) };
  const twice = yield* upperIsWork(upper, work);
  if (twice !== undefined) throw twice;
  yield* refuseListed(claimed);
  if (error.syscall === 'flock') throw yield* lockedClaim(claimed, error);
}

function* refuseListed(claimed: Claimed): Routine<void> {
  const statx = yield* call('statx', AT_FDCWD, claimed.absolute, 0, STATX_INO);
  const holder = live.holderOf(identityOf(statx));
  if (holder === undefined) return;
  throw tableClaim(claimed, { option: holder.option, target: holder.overlay.target });
}

/** Throws when the mount table, or a lock, tells whose the directory is. */
export function* refuseKnownHolder(claimed: Claimed): Routine<void> {
  yield* live.refresh();
  yield* refuseListed(claimed);
  const held = yield* lockHeld(claimed);
  if (held !== undefined) throw held;
}

function isLocked(error: unknown): boolean {
  return error instanceof FailedStep && error.error.syscall === 'flock' && error.error.errno === -EAGAIN;
}

function isClaimRefusal(failed: FailedStep): boolean {
  return failed.error.syscall === 'require_other_file' || isLocked(failed);
}

function* tryOnce(rung: Rung, request: MountRequest, seen: SeenTable): Routine<Made> {
  try {
    if (rung.via === 'fsopen') return yield* fsopenMount(request, rung.form as LayerForm, seen);
    return yield* compatMount(request, rung.form === 'numbers', seen);
  } catch (error) {
    throw error instanceof KernelError ? new FailedStep(error, undefined) : error;
  }
}

/** Throws what no other look at the mount table could change. */
function* throwUnlessStale(error: unknown, request: MountRequest): Routine<void> {
  if (!(error instanceof FailedStep)) throw error;
  if (isClaimRefusal(error)) yield* refuseClaim(error, request);
  else if (error.error.syscall !== 'require_subset') throw error;
}

// With an upper: on what is known of the mount table, which is read anew as long as it turns out to be another one.
function* tryGuarded(rung: Rung, request: MountRequest, sweep: Sweep): Routine<Made> {
  // Without listmount(2) the table has to be read anew for every mount.
  if (live.ids === undefined || live.ids.length === 0) yield* live.refresh();
  for (let tries = 0; tries < CHANGED_TABLE_TRIES; tries++) {
    try {
      return yield* tryOnce(rung, request, live);
    } catch (error) {
      // A lock of this process may have outlived its mount, which somebody else has ended.
      if (tries === 0 && isLocked(error)) yield* sweep();
      else yield* throwUnlessStale(error, request);
    }
    yield* live.refresh();
  }
  // Others mount faster than the table can be read. What it said a moment ago has to do; our own mounts are locked.
  return yield* tryOnce(rung, request, { identities: live.identities, ids: undefined });
}

function* tryRung(rung: Rung, request: MountRequest, sweep: Sweep): Routine<Made> {
  if (request.upper === undefined || request.shareUpper) return yield* tryOnce(rung, request, live);
  // Mounts that are made together change the table for each other, so they queue.
  return yield* inTurn(tryGuarded(rung, request, sweep));
}

function allowed(rung: Rung, request: MountRequest): boolean {
  return request.via === 'auto' || request.via === rung.via;
}

function* explained(failed: FailedStep, request: MountRequest): Routine<OverlayError> {
  const { lower, data, upper, work, target } = request;
  if (failed.error.syscall === 'require_bits_clear') {
    return failed.subject?.option === 'work' ? workHasData(work!) : yield* becameReadOnly(pathed(work!));
  }
  const directories = [...lower, ...data, upper, work, target].filter((dir) => dir !== undefined);
  return yield* explainMountFailure(failed.error, { directories, subject: failed.subject, asked: request });
}

/** Climbs down the ladder. @throws {OverlayError} */
export function* perform(request: MountRequest, sweep: Sweep): Routine<Made> {
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
      return { ...(yield* tryRung(rung, request, sweep)), fallbacks };
    } catch (error) {
      if (!(error instanceof FailedStep)) throw error;
      last = error;
      const api: Known = rung.via === 'fsopen' ? (known ?? (yield* probeMountApi())) : known;
      if (api?.lasting) known = api;
      const reason = rung.obstacle(request, api);
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
