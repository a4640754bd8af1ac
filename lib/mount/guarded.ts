// Attempts at a mount whose guards may refuse: what they refused is looked at, and the mount goes on where there is no reason.

import { EAGAIN } from '../kernel/errno.ts';
import type { Routine } from '../kernel/routine.ts';
import { areAnyDetached } from './detached-uppers.ts';
import { refuseGuarded, refuseLocked } from './findings.ts';
import { bringUpToDate } from './fresh-table.ts';
import { LiveUppers } from './live-uppers.ts';
import { FailedStep } from './made.ts';
import { GUARD_STEPS, type SeenUppers } from './plan-guards.ts';
import type { MountRequest } from './spec.ts';

// What this thread knows of the mount table.
const live = new LiveUppers();

/** Lets go of locks whose mounts are gone. */
export type Sweep = () => Routine<void>;

/** What the guards go by. */
export function seenUppers(): SeenUppers {
  return live;
}

/**
 * Before a mount is planned: what the guards go by is to be what the mount table says now.
 *
 * @param writes to a directory that others may know
 */
export function* readyToPlan(
  request: MountRequest,
  writes: boolean = request.upper !== undefined,
): Routine<void> {
  const { shareUpper, shareLower, overlapLayers } = request;
  const insists = shareLower && (!writes || (shareUpper && overlapLayers));
  if (insists) return;
  yield* bringUpToDate(live);
  // Whoever neither writes to a directory of somebody's nor has anybody who does to be told from needs no more.
  const alone = live.identities.length === 0 && !areAnyDetached();
  if (!alone || (writes && !overlapLayers)) yield* live.findPartial();
}

/** Throws when the mount table, or a lock, tells whose upper or work is. */
export function* refuseKnownHolder(request: MountRequest): Routine<void> {
  yield* refuseGuarded(request, live);
}

function isLocked({ error }: FailedStep): boolean {
  return error.syscall === 'flock' && error.errno === -EAGAIN;
}

// What the guards go by when what they refused was looked at, and nothing was found.
const NOTHING: SeenUppers = { identities: Buffer.alloc(0), partial: Buffer.alloc(0) };

function withoutGuards(request: MountRequest): MountRequest {
  return { ...request, shareLower: true, overlapLayers: true, mixDialects: true, changeLower: true };
}

/**
 * @param concerned what of the request the guards are about
 * @throws {OverlayError} what a guard or a lock refused; {FailedStep} what anything else did
 */
export function* guarded<T>(
  request: MountRequest,
  sweep: Sweep,
  attempt: (asked: MountRequest, seen: SeenUppers) => Routine<T>,
  concerned: (request: MountRequest) => MountRequest = (whole) => whole,
): Routine<T> {
  let [asked, seen, swept]: [MountRequest, SeenUppers, boolean] = [request, live, false];
  for (;;) {
    try {
      return yield* attempt(asked, seen);
    } catch (error) {
      if (!(error instanceof FailedStep)) throw error;
      if (isLocked(error)) {
        if (swept) throw yield* refuseLocked(error, concerned(request), live);
        // A lock of this process may have outlived its mount, which somebody else has ended.
        swept = true;
        yield* sweep();
      } else if (GUARD_STEPS.includes(error.error.syscall) && asked === request) {
        yield* refuseGuarded(concerned(request), live);
        [asked, seen] = [withoutGuards(request), NOTHING];
      } else {
        throw error;
      }
    }
  }
}
