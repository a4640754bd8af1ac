// Takes upper and work for a mount without root: before it, and by this process, since a lock is known by who took it.
import { call, close } from '../kernel/call.ts';
import { AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, STATX_INO } from '../kernel/constants.ts';
import { ENOENT } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { addClaims } from './claim.ts';
import { explainStep } from './explain-step.ts';
import { guarded, type Sweep } from './guarded.ts';
import { FailedStep, runGuarded } from './made.ts';
import { Plan } from './plan.ts';
import { addGuards, type SeenUppers } from './plan-guards.ts';
import type { MountRequest } from './spec.ts';

/** What was taken. The descriptors, whose locks it is, are ours to close. */
export interface Taken {
  readonly claims: readonly number[];
  /** As the plan tells them. */
  readonly freshWork: boolean;
  readonly usedElsewhere: boolean;
  /** What the driver makes in a work directory and this one did not have. */
  readonly absent: readonly string[];
}

function* takeOnce(asked: MountRequest, seen: SeenUppers): Routine<Omit<Taken, 'absent'>> {
  const plan = new Plan();
  addGuards(plan, asked, addClaims(plan, asked), seen);
  if (plan.program.steps > 0) yield* runGuarded(plan, asked);
  const claims = plan.claims.map((step) => plan.program.value(step));
  const { freshWork, usedElsewhere } = plan;
  return { claims, freshWork, usedElsewhere };
}

function* namesAbsent(work: number): Routine<string[]> {
  const names = ['work', 'index'];
  const program = new Program();
  const steps = names.map((name) =>
    program.add('statx', MAY_FAIL, work, name, AT_SYMLINK_NOFOLLOW, STATX_INO),
  );
  yield* program.run();
  return names.filter((_, i) => program.value(steps[i]!) === -ENOENT);
}

/** Opens and locks upper and work, and refuses what the guards of any mount refuse. @throws {OverlayError} */
export function* takeDirectories(request: MountRequest, sweep: Sweep): Routine<Taken> {
  try {
    const taken = yield* guarded(request, sweep, takeOnce);
    const { claims } = taken;
    return { ...taken, absent: claims.length === 0 ? [] : yield* namesAbsent(claims[1]!) };
  } catch (error) {
    throw error instanceof FailedStep ? yield* explainStep(error, request) : error;
  }
}

/**
 * Lets them go after a mount that failed, without what the driver has made in the work directory before it refused: a live
 * overlay would have had that before.
 */
export function* giveBack({ claims, absent }: Taken): Routine<void> {
  for (const name of absent) {
    try {
      yield* call('unlinkat', claims[1]!, name, AT_REMOVEDIR);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }
  for (const claim of claims) close(claim);
}
