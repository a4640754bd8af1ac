// Takes the upper and the work directory of a mount for itself, and refuses those that a live overlay has.
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LSMT_ROOT,
  O_DIRECTORY,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  STATX_INO,
  STATX_MODE,
  STATX_TYPE,
} from '../kernel/constants.ts';
import { KEEP, MAY_FAIL } from '../kernel/program.ts';
import { MODE_WORD_OFFSET, modeBits } from '../kernel/stat.ts';
import type { Plan } from './plan.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/** What the mount table said when it was read. */
export interface SeenTable {
  /** All its mounts, ascending 64-bit ids; undefined where they cannot be compared. */
  readonly ids: Buffer | undefined;
  /** 16 bytes for each directory that a live overlay writes to, as `require_other_file` compares them. */
  readonly identities: Buffer;
}

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
  const bytes = plan.program.bytesOf(entry);
  plan.about(work).add('require_bits_clear', 0, bytes, MODE_WORD_OFFSET, NOT_SCRATCH);
}

function refuseLive(plan: Plan, layer: Layer, step: number, live: SeenTable): void {
  const statx = plan.about(layer).add('statx', 0, step, '', AT_EMPTY_PATH, STATX_INO);
  plan.about(layer).add('require_other_file', 0, plan.program.bytesOf(statx), live.identities);
}

/**
 * Adds the steps that open, lock and check upper and work; undefined without an upper.
 *
 * The mount table is compared with what `live` knows of it: one listmount(2) instead of reading every mount again.
 */
export function addClaims(plan: Plan, request: MountRequest, live: SeenTable): Claims | undefined {
  const { upper, work, shareUpper } = request;
  if (upper === undefined || work === undefined) return undefined;
  const claims = { upper: open(plan, upper), work: open(plan, work) };
  if (!request.discardWork) requireScratch(plan, work, claims.work);
  lock(plan, upper, claims.upper, shareUpper);
  lock(plan, work, claims.work, shareUpper);
  if (shareUpper) return claims;
  if (live.identities.length > 0) {
    refuseLive(plan, upper, claims.upper, live);
    refuseLive(plan, work, claims.work, live);
  }
  if (live.ids !== undefined) {
    // One more than is known: a full answer then holds an unknown mount for certain.
    const listed = plan.program.add('listmount', 0, LSMT_ROOT, 0, live.ids.length / 8 + 1);
    plan.program.add('require_subset', 0, plan.program.bytesOf(listed), live.ids);
  }
  return claims;
}
