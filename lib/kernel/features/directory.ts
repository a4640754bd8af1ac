// All that the probe tells of one directory.
import type { Routine } from '../routine.ts';
import { type Abilities, probeAbilities } from './abilities.ts';
import type { FeatureAnswer } from './answer.ts';
import { type FilesystemFacts, readFilesystem } from './filesystem.ts';
import { withProbeDirectory } from './probe-directory.ts';
import type { Tryable } from './tried-answers.ts';
import { type LowerUse, probeLower, probeUpper, untriedUses } from './usability.ts';

export interface DirectoryFeatures extends Abilities, LowerUse {
  readonly filesystem: FilesystemFacts;
  /** As upper, with a work directory beside it. */
  readonly usableAsUpper: FeatureAnswer;
}

/** `directory`: a descriptor, which stays open. Throws KernelError. */
export function* probeDirectory(directory: number, tryable: Tryable): Routine<DirectoryFeatures> {
  const filesystem = yield* readFilesystem(directory);
  return yield* withProbeDirectory(directory, function* (made): Routine<DirectoryFeatures> {
    const abilities = yield* probeAbilities(directory, made);
    if ('barred' in tryable) return { filesystem, ...abilities, ...untriedUses(tryable.barred, abilities) };
    const { place, dialect } = tryable;
    const usableAsUpper = yield* probeUpper(place, made, dialect, abilities);
    return { filesystem, ...abilities, usableAsUpper, ...(yield* probeLower(place, directory)) };
  });
}
