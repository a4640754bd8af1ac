// The plan of the latest throw-away overlay, for the next one that is like it: who forks a directory mostly does so again.
//
// To write a plan takes as long as several of its calls, in code that the engine has not compiled yet.
import { hasDetachedDirectories } from './detached-uppers.ts';
import type { Plan } from './plan.ts';
import { planDetached, type ScratchPlace } from './plan-scratch.ts';
import type { MountRequest } from './spec.ts';

/** A plan with all that it was made of. */
export interface Planned {
  readonly plan: Plan;
  readonly request: MountRequest;
  readonly place: ScratchPlace;
  /** What the guards went by then; undefined when that has no name to be known again by. */
  readonly guards: readonly [identities: Buffer, partial: Buffer] | undefined;
}

let kept: Planned | undefined;

// Who gives a list, options or attributes gives them anew each time; that they say the same is not looked for. What else a
// request has is the same for all throw-away overlays.
function isSameRequest(one: MountRequest, other: MountRequest): boolean {
  if (one === other) return true;
  const [first] = one.lower;
  const [second] = other.lower;
  return (
    one.lower.length === 1 &&
    other.lower.length === 1 &&
    typeof first!.absolute === 'string' &&
    first!.absolute === second!.absolute &&
    first!.path === second!.path &&
    one.data.length === 0 &&
    other.data.length === 0 &&
    one.parameters === other.parameters &&
    one.attributes === other.attributes &&
    one.shareLower === other.shareLower &&
    one.rootless === other.rootless
  );
}

function isSamePlace({ place: one, guards }: Planned, other: ScratchPlace): boolean {
  const { identities, partial, looked } = other.seen;
  return (
    one.namespace === other.namespace &&
    one.limits.size === other.limits.size &&
    one.limits.inodes === other.limits.inodes &&
    guards !== undefined &&
    !looked &&
    guards[0] === identities &&
    guards[1] === partial &&
    !hasDetachedDirectories()
  );
}

/** The plan that is kept when it is for that; nobody else gets it until it is kept again, since it runs. */
export function planOf(request: MountRequest, place: ScratchPlace): Planned {
  if (kept !== undefined && isSamePlace(kept, place) && isSameRequest(kept.request, request)) {
    const planned = kept;
    kept = undefined;
    return planned;
  }
  const { identities, partial, looked } = place.seen;
  const known = !looked && !hasDetachedDirectories();
  const plan = planDetached(request, place);
  plan.program.repeating();
  return { plan, request, place, guards: known ? [identities, partial] : undefined };
}

/** After its run, when all that it gave has been read. */
export function keepPlan(planned: Planned): void {
  const [keep, drop] = planned.guards === undefined ? [kept, planned] : [planned, kept];
  drop?.plan.program.release();
  kept = keep;
}
