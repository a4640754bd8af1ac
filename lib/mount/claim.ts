// Takes the upper and the work directory of a mount for itself: opens and locks them, and looks for data in the way.
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  O_DIRECTORY,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  STATX_MODE,
  STATX_TYPE,
} from '../kernel/constants.ts';
import { KEEP, MAY_FAIL } from '../kernel/program.ts';
import { MODE_WORD_OFFSET, modeBits } from '../kernel/stat.ts';
import type { Plan } from './plan.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

// Any permission, and the type bits of everything but a directory.
const NOT_SCRATCH: bigint = modeBits(0o7777 | (S_IFMT & ~S_IFDIR));

export interface Claims {
  readonly upper: number;
  readonly work: number;
}

// Read access, since flock(2) wants more than O_PATH; and a description of our own, since the lock goes with it.
function open(plan: Plan, layer: Layer): number {
  const dir = layer.fd ?? AT_FDCWD;
  const path = layer.absolute ?? '.';
  const step = plan.about(layer).add('openat', KEEP, dir, path, O_RDONLY | O_DIRECTORY, 0);
  plan.claims.push(step);
  return step;
}

function lock(plan: Plan, layer: Layer, step: number, shared: boolean): void {
  // A sharer's lock keeps those out who do not share; when somebody holds it alone already, that is what was insisted on.
  if (shared) plan.about(layer).add('flock', MAY_FAIL, step, LOCK_SH | LOCK_NB);
  else plan.about(layer).add('flock', 0, step, LOCK_EX | LOCK_NB);
}

// What the driver leaves in a work directory is a directory "work" of mode 000. Anything else of that name is somebody's,
// and the driver would delete it, two levels deep, without a word.
function requireScratch(plan: Plan, work: Layer, step: number): void {
  const mask = STATX_TYPE | STATX_MODE;
  const entry = plan.about(work).add('statx', MAY_FAIL, step, 'work', AT_SYMLINK_NOFOLLOW, mask);
  plan.leftover = entry;
  const bytes = plan.program.bytesOf(entry);
  plan.about(work).add('require_bits_clear', 0, bytes, MODE_WORD_OFFSET, NOT_SCRATCH);
}

/** Stops at a descriptor that is not open, before its number is that of something which is opened here. */
export function requireOpen(plan: Plan, { lower, data, upper, work }: MountRequest): void {
  for (const layer of [...lower, ...data, upper, work]) {
    if (layer?.fd === undefined) continue;
    plan.about(layer).add('statx', 0, layer.fd, '', AT_EMPTY_PATH, STATX_TYPE);
  }
}

/** Adds the steps that open, lock and check upper and work; undefined without an upper. */
export function addClaims(plan: Plan, request: MountRequest): Claims | undefined {
  requireOpen(plan, request);
  const { upper, work, shareUpper } = request;
  if (upper === undefined || work === undefined) return undefined;
  const claims = { upper: open(plan, upper), work: open(plan, work) };
  if (!request.discardWork) requireScratch(plan, work, claims.work);
  lock(plan, upper, claims.upper, shareUpper);
  lock(plan, work, claims.work, shareUpper);
  return claims;
}
