// Takes upper and work for a mount without root: before it, and by this process, since a lock is known by who took it.
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import type { OverlayError } from '../diagnosis/overlay-error.ts';
import { lockedClaim, upperIsWork } from '../diagnosis/refused-claim.ts';
import { workHasData } from '../diagnosis/unfit-work.ts';
import { call, close } from '../kernel/call.ts';
import { AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, STATX_INO } from '../kernel/constants.ts';
import { EAGAIN, ENOENT } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { addClaims } from './claim.ts';
import { LiveUppers } from './live-uppers.ts';
import { FailedStep, pathed, runGuarded } from './made.ts';
import { refuseKnownHolder } from './perform.ts';
import { Plan } from './plan.ts';
import type { MountRequest } from './spec.ts';

/** What was taken. The descriptors, whose locks it is, are ours to close. */
export interface Taken {
  readonly claims: readonly number[];
  /** What the driver makes in a work directory and this one did not have. */
  readonly absent: readonly string[];
}

const NOTHING: Taken = { claims: [], absent: [] };
const live = new LiveUppers();

function* explained({ error, subject }: FailedStep, request: MountRequest): Routine<OverlayError> {
  const locked = error.syscall === 'flock' && error.errno === -EAGAIN;
  if (locked || error.syscall === 'require_other_file') {
    const claimed = pathed(subject!);
    const twice = yield* upperIsWork(pathed(request.upper!), pathed(request.work!));
    if (twice !== undefined) return twice;
    yield* refuseKnownHolder(claimed);
    return yield* lockedClaim(claimed, error);
  }
  if (error.syscall === 'require_bits_clear') return workHasData(request.work!);
  const directories = [request.upper!, request.work!];
  return yield* explainMountFailure(error, { directories, subject, asked: { ...request, rootless: true } });
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

/** Opens and locks upper and work, and refuses those that are in use. @throws {OverlayError} */
export function* takeDirectories(request: MountRequest): Routine<Taken> {
  if (request.upper === undefined) return NOTHING;
  if (!request.shareUpper) yield* live.refresh();
  const plan = new Plan();
  addClaims(plan, request, { identities: live.identities, ids: undefined });
  try {
    yield* runGuarded(plan, request);
  } catch (error) {
    throw error instanceof FailedStep ? yield* explained(error, request) : error;
  }
  const claims = plan.claims.map((step) => plan.program.value(step));
  return { claims, absent: yield* namesAbsent(claims[1]!) };
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
