// What this kernel, this user and a filesystem can do with overlays: every answer found by trying, and no trace left.
import { call, close } from '../call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../constants.ts';
import { KernelError } from '../kernel-error.ts';
import type { Routine } from '../routine.ts';
import type { FeatureAnswer } from './answer.ts';
import { barrierAnswer } from './barrier.ts';
import { type Caller, readCaller } from './caller.ts';
import { type DirectoryFeatures, probeDirectory } from './directory.ts';
import { type DriverParameters, probeDriver, readDriverParameters } from './driver.ts';
import { readPageSize } from './page-size.ts';
import { closePlace } from './place.ts';
import { findProvingGround } from './proving-ground.ts';
import { mountApiAnswer, probeSystemCalls, type SystemCalls } from './system-calls.ts';
import { probeTriedAnswers, type TriedAnswers } from './tried-answers.ts';
import { probeUserNamespaces, type UserNamespaces } from './user-namespace.ts';

/** Lowers that one overlay can have: OVL_MAX_STACK of fs/overlayfs, by the documents; not tried. */
const MAX_LOWERS = 500;

/** What can be had by this process where it is: each answer says what was tried, and what would help. */
export interface Features extends TriedAnswers {
  readonly caller: Caller;
  /** The overlay driver. */
  readonly overlay: FeatureAnswer;
  /** fsopen(2) and its family, with which overlays are mounted nowhere. */
  readonly newMountApi: FeatureAnswer;
  readonly systemCalls: SystemCalls;
  readonly userNamespaces: UserNamespaces;
  /** The driver's defaults, from /sys/module/overlay/parameters; empty when it is not loaded. */
  readonly parameters: DriverParameters;
  /** Bytes, which is all the option text that one mount(2) takes, its NUL included; undefined when /proc does not tell. */
  readonly pageSize: number | undefined;
  readonly maxLowers: number;
  /** Present when a directory was asked about. */
  readonly directory?: DirectoryFeatures;
}

/** `directory`: a descriptor that stays open, or undefined. */
function* probe(directory: number | undefined): Routine<Features> {
  const caller = yield* readCaller();
  const systemCalls = yield* probeSystemCalls(caller);
  const userNamespaces = yield* probeUserNamespaces(caller);
  const ground = yield* findProvingGround();
  const refusal = ground instanceof KernelError ? ground : undefined;
  try {
    const tryable =
      ground instanceof KernelError ? { barred: barrierAnswer(ground, caller, userNamespaces) } : ground;
    return {
      caller,
      overlay: yield* probeDriver(refusal),
      newMountApi: mountApiAnswer(systemCalls),
      systemCalls,
      ...(yield* probeTriedAnswers(tryable, userNamespaces)),
      userNamespaces,
      parameters: yield* readDriverParameters(),
      pageSize: yield* readPageSize(),
      maxLowers: MAX_LOWERS,
      ...(directory !== undefined && { directory: yield* probeDirectory(directory, tryable) }),
    };
  } finally {
    if (!(ground instanceof KernelError)) yield* closePlace(ground.place);
  }
}

/**
 * Finds out what this kernel, this user and, if given, the filesystem of a directory can do.
 *
 * Nothing stays behind: overlays are tried on a tmpfs that is mounted nowhere (on kernels before 6.15: on a private
 * directory of the system's temporary one), and in `dir` a directory of mode 0700 is made and removed again.
 * Takes 20 to 60 ms, most of it for starting unshare(1) of util-linux.
 *
 * @throws {KernelError} when `dir` does not exist, is no directory or cannot be reached
 */
export function* featuresRoutine(dir?: string | Uint8Array): Routine<Features> {
  if (dir === undefined) return yield* probe(undefined);
  const directory = yield* call('openat', AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0);
  try {
    return yield* probe(directory);
  } finally {
    close(directory);
  }
}
