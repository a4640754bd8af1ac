// Whether a directory can be a lower or an upper here, and how many overlays can still be stacked on it.
import { close } from '../call.ts';
import { AT_REMOVEDIR, procPath } from '../constants.ts';
import { KernelError } from '../kernel-error.ts';
import { KEEP, Program } from '../program.ts';
import type { Routine } from '../routine.ts';
import type { Abilities } from './abilities.ts';
import { type FeatureAnswer, no, remedyFor, yes } from './answer.ts';
import type { Dialect } from './dialect.ts';
import type { Place } from './place.ts';
import type { ProbeDirectory } from './probe-directory.ts';
import { addTrial, lowersOf } from './trial.ts';

/** How many overlays can still be mounted one on the other, this directory being the lowest layer. */
export interface StackDepth {
  /** 2 on an ordinary filesystem, 1 on an overlay, 0 when the directory cannot even be a lower. */
  readonly left: number | 'unknown';
  readonly reason: string;
}

export interface LowerUse {
  readonly usableAsLower: FeatureAnswer;
  readonly stackDepth: StackDepth;
}

const deepest = 2; // FILESYSTEM_MAX_STACK_DEPTH of linux/fs.h
const shallower = 'Use a directory of an ordinary filesystem, or of an overlay that lies on no other.';
const better = 'Use a directory of ext4, xfs (ftype=1), btrfs or tmpfs, and not one of an overlay.';

/** A read-only overlay with the layer on top of an empty one, kept open, or the refusal. */
function* mountOver(place: Place, layer: number): Routine<number | KernelError> {
  const program = new Program();
  const lower = `${procPath(layer)}:${place.path}/bottom`;
  const { root } = addTrial(program, place, { lower, upper: false, rootFlags: KEEP });
  try {
    yield* program.run();
    return program.value(root);
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}

/** Stacks until the kernel refuses. */
export function* probeLower(place: Place, directory: number): Routine<LowerUse> {
  const overlays: number[] = [];
  let refusal: KernelError | undefined;
  try {
    while (overlays.length < deepest && refusal === undefined) {
      const next = yield* mountOver(place, overlays.at(-1) ?? directory);
      if (next instanceof KernelError) refusal = next;
      else overlays.push(next);
    }
  } finally {
    for (const overlay of overlays.reverse()) close(overlay);
  }
  const left = overlays.length;
  return {
    usableAsLower:
      left > 0
        ? yes('an overlay over it was mounted')
        : no(refusal!.message, remedyFor(refusal!) ?? shallower),
    stackDepth: {
      left,
      reason:
        refusal?.message ?? `${left} overlays were mounted one on the other, the most that the kernel allows`,
    },
  };
}

function* mountAsUpper(place: Place, { fd, path }: ProbeDirectory, { options }: Dialect): Routine<void> {
  const program = new Program();
  for (const name of ['upper', 'work']) program.add('mkdirat', 0, fd, name, 0o755);
  const upper = { upper: `${path}/upper`, work: `${path}/work` };
  const { root } = addTrial(program, place, { lower: lowersOf(place), upper, options });
  // The mount alone proves little: it comes out read-only, or unable to hide a directory, without a word.
  program.add('mkdirat', 0, root, 'new', 0o755);
  program.add('unlinkat', 0, root, 'dir/file', 0);
  program.add('unlinkat', 0, root, 'dir', AT_REMOVEDIR);
  program.add('mkdirat', 0, root, 'dir', 0o755);
  yield* program.run();
}

export function* probeUpper(
  place: Place,
  made: ProbeDirectory | KernelError,
  dialect: Dialect,
  abilities: Abilities,
): Routine<FeatureAnswer> {
  if (made instanceof KernelError) return { ...abilities.writable };
  try {
    yield* mountAsUpper(place, made, dialect);
  } catch (error) {
    if (error instanceof KernelError) return no(error.message, better);
    throw error;
  }
  if (abilities.dType.available === false)
    return no(`deleted names would stay visible: ${abilities.dType.reason}`, better);
  return yes('in an overlay with its upper there, a directory was made, removed and replaced');
}

/** When no overlay can be tried: what is certain all the same, and why the rest is not. */
export function untriedUses(
  barred: FeatureAnswer,
  abilities: Abilities,
): LowerUse & { usableAsUpper: FeatureAnswer } {
  const blocked = [abilities.writable, abilities.dType].find(({ available }) => available === false);
  return {
    usableAsLower: barred,
    usableAsUpper: blocked === undefined ? barred : no(blocked.reason, blocked.remedy),
    stackDepth: { left: 'unknown', reason: barred.reason },
  };
}
