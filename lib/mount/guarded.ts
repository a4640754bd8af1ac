// Attempts at a mount whose guards may refuse: what they refused is looked at, and the mount goes on where there is no reason.

import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import { findSilentServed, MOUNT_PATIENCE, NO_ANSWER, silentFinding } from '../diagnosis/silent-places.ts';
import type { Directory } from '../diagnosis/subject.ts';
import { EAGAIN } from '../kernel/errno.ts';
import type { Routine } from '../kernel/routine.ts';
import { findAll, refuseGuarded, refuseLocked } from './findings.ts';
import { bringUpToDate, isPlainAtFirst, isUpToDate } from './fresh-table.ts';
import { LiveUppers } from './live-uppers.ts';
import { FailedStep } from './made.ts';
import { GUARD_STEPS, type SeenUppers } from './plan-guards.ts';
import type { MountRequest } from './spec.ts';
import type { Target } from './spec-paths.ts';

// What this thread knows of the mount table.
const live = new LiveUppers();

/** Lets go of locks whose mounts are gone. */
export type Sweep = () => Routine<void>;

/** The part of a request that others may know of. */
export type Concern = (request: MountRequest) => MountRequest;
const whole: Concern = (request) => request;

/** What the guards go by. */
export function seenUppers(): SeenUppers {
  return live;
}

/** Whether {@link readyToPlan} would find nothing to do, as nearly always. */
export function isReadyToPlan(): boolean {
  return live.table.served.length === 0 && isUpToDate(live);
}

/** Before a mount is planned: what the guards go by is to be what the mount table says now, and all directories answer. */
export function* readyToPlan(given: MountRequest, concerned: Concern = whole): Routine<void> {
  yield* bringUpToDate(live);
  if (live.table.served.length === 0) return;
  const request = concerned(given);
  const { lower, data, upper, work, target } = request;
  const silent = yield* silentAmong([...lower, ...data, upper, work, target]);
  if (silent.length === 0) return;
  // What the kernel would meet before it waits is told first; what answers by now is no reason.
  const found = yield* findAll(request, live, false);
  const before = found.findIndex(({ code }) => code === NO_ANSWER);
  if (before < 0) return;
  const [first, ...rest] = [...found.slice(0, before), ...silent];
  throw new OverlayError([first!, ...rest]);
}

/**
 * {@link readyToPlan} for an overlay whose upper and work nobody else can know: only what its lowers are is of interest.
 *
 * @param table see `isPlainAtFirst`
 */
export function* readyToFork(given: MountRequest, concerned: Concern, table?: Buffer): Routine<void> {
  if (!(yield* isPlainAtFirst(table))) yield* readyToPlan(given, concerned);
}

/** Before a detached mount is attached. */
export function* readyToAttach(target: Target): Routine<void> {
  yield* bringUpToDate(live);
  const [first] = yield* silentAmong([target]);
  if (first !== undefined) throw new OverlayError([first]);
}

// Who asks the kernel about a place where nobody answers waits as long as nobody does, in a state that no signal ends.
function* silentAmong(directories: readonly (Directory | undefined)[]): Routine<Finding[]> {
  const { served, places } = live.table;
  const given = directories.filter((directory) => directory !== undefined);
  return (yield* findSilentServed(given, served, places, MOUNT_PATIENCE)).map(silentFinding);
}

/** Throws when the mount table, or a lock, tells whose upper or work is. */
export function* refuseKnownHolder(request: MountRequest): Routine<void> {
  yield* refuseGuarded(request, live);
}

function isLocked({ error }: FailedStep): boolean {
  return error.syscall === 'flock' && error.errno === -EAGAIN;
}

// What the guards go by when what they refused was looked at, and nothing was found.
const none = Buffer.alloc(0);
const NOTHING: SeenUppers = { identities: none, partial: none, apart: none, looked: true };

function withoutGuards(request: MountRequest): MountRequest {
  const insists = { shareLower: true, overlapLayers: true, mixDialects: true, changeLower: true };
  return { ...request, ...insists, trustVolatile: true };
}

/**
 * @param concerned what of the request the guards are about
 * @throws {OverlayError} what a guard or a lock refused; {FailedStep} what anything else did
 */
export function* guarded<T>(
  request: MountRequest,
  sweep: Sweep,
  attempt: (asked: MountRequest, seen: SeenUppers) => Routine<T>,
  concerned: Concern = whole,
): Routine<T> {
  let asked = request;
  let seen: SeenUppers = live;
  let swept = false;
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
        asked = withoutGuards(request);
        seen = NOTHING;
      } else {
        throw error;
      }
    }
  }
}
