// Runs the plan of a mount to its end or back to nothing, and collects what it gave.
import type { Heard } from '../diagnosis/kernel-log.ts';
import { OverlayError, shown } from '../diagnosis/overlay-error.ts';
import { call } from '../kernel/call.ts';
import { MNT_DETACH, procPath } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { mountIdIn } from '../kernel/stat.ts';
import type { Plan } from './plan.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/** A mount that was made. The descriptors are ours to close. */
export interface Made {
  /** The mount's root; absent when attached. */
  readonly mount: number | undefined;
  /** False when a detached mount cannot be attached any more. */
  readonly attachable: boolean;
  /** Locked upper and work directory. */
  readonly claims: readonly number[];
  /** As the plan tells them. */
  readonly freshWork: boolean;
  readonly usedElsewhere: boolean;
  /** The mount's id as 8 bytes, as struct statx has it; absent when detached, since few want to know. */
  readonly id: Buffer | undefined;
  readonly via: 'fsopen' | 'mount';
  readonly fallbacks: readonly string[];
}

function notTakenBack(error: KernelError, failure: KernelError, target: string | Uint8Array): OverlayError {
  const where = JSON.stringify(shown(target));
  return new OverlayError(
    [
      {
        code: 'ERR_OVERLAY_NOT_TAKEN_BACK',
        sentence: `the mount is in its place at ${where}, though it failed there (${error.message}): it could not be unmounted again (${failure.message})`,
        hint: `unmount it: overlayfs umount ${where}`,
        option: 'target',
        path: shown(target),
      },
    ],
    failure,
  );
}

/**
 * Takes a mount down again that stands although a later step of its plan failed.
 *
 * @throws {OverlayError} ERR_OVERLAY_NOT_TAKEN_BACK
 */
export function* takeBack(
  plan: Plan,
  error: KernelError,
  target: string | Uint8Array | undefined,
): Routine<void> {
  if (error.step < plan.inPlaceFrom || target === undefined) return;
  try {
    yield* call('umount2', target, MNT_DETACH);
  } catch (failure) {
    throw failure instanceof KernelError ? notTakenBack(error, failure, target) : failure;
  }
}

/** What a finished plan gave. */
export function collect(
  plan: Plan,
  via: 'fsopen' | 'mount',
  attachable: boolean,
  mount: number | undefined,
): Made {
  const { identity } = plan;
  const id = identity === undefined ? undefined : mountIdIn(plan.program.bytes(identity)!);
  const claims = plan.claims.map((step) => plan.program.value(step));
  const { freshWork, usedElsewhere } = plan;
  return { mount, attachable, claims, freshWork, usedElsewhere, id, via, fallbacks: [] };
}

/** What a plan of the new mount API gave. */
export function collectFsopen(plan: Plan, request: MountRequest): Made {
  const detached = request.target === undefined;
  return collect(plan, 'fsopen', true, detached ? plan.program.value(plan.mount!) : undefined);
}

/** Runs a plan. @throws {FailedStep} */
export function* runGuarded(plan: Plan, request: MountRequest, foothold?: string): Routine<void> {
  try {
    yield plan.program;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    yield* takeBack(plan, error, foothold ?? request.target?.absolute);
    throw new FailedStep(error, plan.subjectOf(error.step) as Layer | undefined);
  }
}

/** A failed call with what it was about. */
export class FailedStep extends Error {
  readonly error: KernelError;
  readonly subject: Layer | undefined;
  /** What the kernel log had of it, or why it could not be read; absent when nobody listened. */
  heard: Heard | KernelError | undefined;
  constructor(error: KernelError, subject: Layer | undefined) {
    super(error.message);
    this.error = error;
    this.subject = subject;
  }
}

export function pathed(layer: Layer): Layer & { absolute: string | Buffer } {
  return { ...layer, absolute: layer.absolute ?? procPath(layer.fd!) };
}
