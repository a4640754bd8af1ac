// Climbs down the ladder: makes a mount by the first way that works, and says why the better ones did not.
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { EMFILE } from '../kernel/errno.ts';
import type { MountApi } from '../kernel/mount-api.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Known, Rung } from './ladder.ts';
import { FailedStep, type Made } from './made.ts';
import type { MountRequest } from './spec.ts';

/** What this thread has learnt of a place to mount in; every mount after the first failed one starts from the right rung. */
export interface Learnt {
  api: Known;
}

/** A place to mount in, for one request: this process, or a user namespace. */
export interface Climb {
  /** The ways that there are, the best first. */
  readonly rungs: readonly Rung[];
  readonly learnt: Learnt;
  readonly probe: () => Routine<MountApi>;
  /** @throws {FailedStep} where another way may be open */
  readonly attempt: (rung: Rung) => Routine<Made>;
  /** Whether a refusal by a way that is open leaves another one worth trying. */
  readonly worthAnother: (rung: Rung) => boolean;
  readonly explained: (failed: FailedStep, rung: Rung) => Routine<OverlayError>;
}

/** @throws {OverlayError} */
export function* climbDown(request: MountRequest, climb: Climb): Routine<Made> {
  const { rungs, learnt } = climb;
  const fallbacks: string[] = [];
  let last: { error: FailedStep; rung: Rung } | undefined;
  for (const rung of rungs) {
    if (request.via !== 'auto' && request.via !== rung.via) continue;
    const untried = learnt.api === undefined && rung === rungs[0];
    const obstacle = untried ? undefined : rung.obstacle(request, learnt.api);
    if (obstacle !== undefined) {
      fallbacks.push(`${rung.name}: ${obstacle}`);
      continue;
    }
    try {
      return { ...(yield* climb.attempt(rung)), fallbacks };
    } catch (error) {
      if (!(error instanceof FailedStep)) throw error;
      last = { error, rung };
      // Of the way it says nothing, and what the driver has begun to make would be met by the next attempt.
      if (error.error.errno === -EMFILE) break;
      const api: Known = rung.via === 'fsopen' ? (learnt.api ?? (yield* climb.probe())) : learnt.api;
      if (api?.lasting) learnt.api = api;
      const reason = rung.obstacle(request, api);
      // The way itself is open, so that another way would meet the same refusal.
      if (reason === undefined && !climb.worthAnother(rung)) break;
      fallbacks.push(`${rung.name}: ${reason ?? error.error.message}`);
    }
  }
  throw last === undefined ? noWay(request, fallbacks) : yield* climb.explained(last.error, last.rung);
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
