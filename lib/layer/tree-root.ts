// The root of a plain tree, as callers give it, opened.
import { fieldOf, textOf } from '../format/given.ts';
import type { LayerSource } from '../format/mount-spec.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { call } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { reach } from '../kernel/reach.ts';
import type { Routine } from '../kernel/routine.ts';
import { readPath } from './given-path.ts';
import { rootFailure } from './path-failure.ts';

export interface TreeRoot {
  /** As O_PATH; for the caller to close. */
  readonly fd: number;
  /** For people. */
  readonly shown: string;
}

function descriptorOf(source: unknown, option: string): number | undefined {
  const fd = typeof source === 'object' && source !== null ? fieldOf(source, 'fd', option) : undefined;
  if (fd === undefined) return undefined;
  if (Number.isInteger(fd) && (fd as number) >= 0 && (fd as number) < 2 ** 30) return fd as number;
  throw new OverlayError([
    {
      code: 'ERR_OVERLAY_INVALID_DESCRIPTOR',
      sentence: `${option}: fd is ${textOf(fd)}, which is no descriptor`,
      hint: 'pass an open fs.FileHandle, or { fd } of a directory that is open',
      option,
    },
  ]);
}

/** Refuses what can be no directory, without a look at it. @throws {OverlayError} those of wrong arguments */
export function checkTreeRoot(source: unknown, option: string): void {
  if (descriptorOf(source, option) === undefined) readPath(source, option);
}

/** Opens the directory; links on the way to it are followed. Throws OverlayError. */
export function* openTreeRoot(source: LayerSource, option = 'path'): Routine<TreeRoot> {
  const given = descriptorOf(source, option);
  const path =
    given === undefined
      ? readPath(source, option)
      : { bytes: Buffer.from('.'), shown: `descriptor ${given}` };
  try {
    const fd = yield* reach(given ?? AT_FDCWD, path.bytes, 0, (dir, rest) =>
      call('openat', dir, rest, O_PATH | O_DIRECTORY, 0),
    );
    return { fd, shown: path.shown };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const [finding] = rootFailure(error, path.shown, given !== undefined).findings;
    throw new OverlayError([{ ...finding!, option }], error);
  }
}
