// Unmounts an overlay that this process made: its mount and no other, its locks, and the work directory made for it.
import { OverlayError, shown } from '../diagnosis/overlay-error.ts';
import { explainUnmountFailure } from '../diagnosis/unmount-failure.ts';
import { FLAG, readOptions } from '../format/given.ts';
import type { UnmountOptions } from '../format/mount-spec.ts';
import { close } from '../kernel/call.ts';
import { AT_FDCWD, LOCK_UN, MNT_DETACH } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { readOverlayTable } from '../kernel/mount-table.ts';
import { Program } from '../kernel/program.ts';
import type { Blocking, Routine } from '../kernel/routine.ts';
import { MOUNT_ID_OFFSET, mountIdNumber, STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import type { Target } from './spec-paths.ts';
import { sweepAgain } from './sweep.ts';
import { type OwnWork, removeIdleWork } from './work-directory.ts';

/** What is to end. */
export interface Ending {
  /** Absent: detached. */
  readonly target: Target | undefined;
  /** 8 bytes, as struct statx has it; absent: detached. */
  readonly id: Buffer | undefined;
  /** The mount's root, if it is open. */
  readonly fd: number | undefined;
  readonly claims: readonly number[];
  readonly work: OwnWork | undefined;
  readonly lazy: boolean;
}

/** Checks the options of unmount; gives `lazy`. @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE */
export function readUnmountOptions(options: unknown): boolean {
  return readOptions<UnmountOptions>(options, { lazy: FLAG }).lazy ?? false;
}

function endingProgram(ending: Ending, target: string | Uint8Array | undefined): Program {
  const { fd, claims, lazy } = ending;
  const program = new Program(fd === undefined ? claims : [fd, ...claims]);
  if (target !== undefined) {
    const mask = STATX_BEST_MNT_ID;
    const now = program.add('statx', 0, AT_FDCWD, target, 0, mask);
    program.add('require_at', 0, program.bytesOf(now), MOUNT_ID_OFFSET, ending.id!);
  }
  // It would keep the mount busy; of a detached mount it is all there is.
  if (fd !== undefined) program.close(fd);
  if (target !== undefined) program.add('umount2', 0, target, lazy ? MNT_DETACH : 0);
  // A child between fork and exec may still hold the descriptor: unlocking ends the claim all the same. An upper in memory
  // is the only claim, and not locked, since nobody else can find it.
  if (claims.length > 1) for (const claim of claims) program.add('flock', 0, claim, LOCK_UN);
  return program;
}

// Where the mount is now that it was not found at its target; undefined when somebody else has unmounted it.
function* whereNow(id: Buffer): Routine<Buffer | undefined> {
  const wanted = mountIdNumber(id);
  const table = yield* readOverlayTable();
  return table.find((entry) => (entry.uniqueId ?? BigInt(entry.id)) === wanted)?.target;
}

function covered(target: Target, cause: KernelError): OverlayError {
  const path = shown(target.path);
  return new OverlayError(
    [
      {
        code: 'ERR_OVERLAY_COVERED',
        sentence: `target (${JSON.stringify(path)}): another mount lies on top of this overlay`,
        hint: 'unmount what was mounted on it first',
        option: 'target',
        path,
      },
    ],
    cause,
  );
}

// Each gives the error for a work directory that stays although the overlay has ended, if there is one.
type Left = OverlayError | undefined;

/** What to do when the overlay is not what the path leads to any more. */
function* elsewhere(ending: Ending, target: Target, tried: Buffer, cause: KernelError): Routine<Left> {
  const now = yield* whereNow(ending.id!);
  if (now === undefined) return yield* endDetached(ending);
  if (now.equals(tried)) throw covered(target, cause);
  return yield* endAt(ending, target, now);
}

// One in memory is two descriptors, for whose closing alone no program has to be written where nobody else waits.
function endInMemory(ending: Ending): Blocking<unknown> {
  const { fd, claims } = ending;
  return {
    now: () => [fd!, ...claims].forEach(close),
    later: () => endingProgram(ending, undefined).later(),
  };
}

function* endDetached(ending: Ending): Routine<Left> {
  const inMemory = ending.fd !== undefined && ending.claims.length === 1;
  yield inMemory ? endInMemory(ending) : endingProgram(ending, undefined);
  return ending.work && (yield* finishWork(ending.work));
}

// The overlay may live on without the mount that ended: then its work directory stays.
function* finishWork(work: OwnWork): Routine<Left> {
  try {
    yield* removeIdleWork(work);
    return undefined;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (work.throwAway) sweepAgain();
    const path = shown(work.layer.path!);
    const sentence = `the overlay has ended, but its work directory ${JSON.stringify(path)} could not be removed: ${error.message}`;
    const finding = {
      code: 'ERR_OVERLAY_WORK_LEFT',
      sentence,
      hint: work.throwAway ? 'remove it, or leave it to the next scratch() there' : 'remove it yourself',
      option: 'work',
      path,
    };
    return new OverlayError([finding], error);
  }
}

function* endAt(ending: Ending, target: Target, path: string | Buffer): Routine<Left> {
  try {
    yield endingProgram(ending, path);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const real = Buffer.from(path as Uint8Array);
    if (error.syscall !== 'umount2') return yield* elsewhere(ending, target, real, error);
    throw yield* explainUnmountFailure(error, { path: target.path, target: real, mountId: ending.id! });
  }
  return ending.work && (yield* finishWork(ending.work));
}

/**
 * Gives an error when the overlay has ended and its work directory stays.
 *
 * @throws {OverlayError} ERR_OVERLAY_BUSY, ERR_OVERLAY_COVERED and others; everything is as before then
 */
export function endMount(ending: Ending): Routine<Left> {
  const { target } = ending;
  return target === undefined ? endDetached(ending) : endAt(ending, target, target.absolute);
}
